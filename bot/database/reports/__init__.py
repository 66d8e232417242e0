"""Reports, the decisions about them, and appeals.

reports.py          reports, what they hide, and the message to staff
waiting_reports.py  the number of open reports in each server
reminders.py        reminders to staff about open reports
decisions.py        decisions on reports, and their steps
appeals.py          appeals against decisions
"""
