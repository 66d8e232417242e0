"""Tests with real Ray on this machine: `make test-cluster`. `make test` leaves this folder out."""
