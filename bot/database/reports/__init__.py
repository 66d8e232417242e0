"""Reports, the decisions about them, and appeals.

reports.py          what people report, what is out of sight, and the message to staff
waiting_reports.py  how many reports wait in each server
reminders.py        which reminders of open reports were sent
decisions.py        what is decided about reports, with the steps that carry it out
appeals.py          appeals against decisions
"""
