"""What people see: messages built from values, and buttons that carry all they need in their custom_id."""
