"""Servers that are run by people: rights, limits, blocks, and the log of what staff have changed. Knows no views.

Nothing outside of this room calls it yet: no command, no order and no delivery is checked.

context.py              who acts where, as Discord tells it
rights.py               who may do what where, as one pure function
limits.py               which limits hold and where each comes from; pure
lookups.py              answers of Discord, kept for a minute
members.py              a member's roles by *Get Guild Member*
command_permissions.py  a server's own settings for commands, which hold for buttons too
server_cache.py         what is set in each server, read once
access.py               gathers what a decision needs, and decides
checks.py               checks requests when they are ordered, and jobs again later
administration.py       what staff and operators change and read
audit_export.py         the audit log as CSV or JSON
services.py             constructs all of it

How the interface calls it: `server_services` makes everything, with one object of the interface that asks Discord
(`MemberLookup.member` by `guild.fetch_member`, `CommandPermissionLookup.command_permissions` by *Get Guild Application
Command Permissions*; both raise LookupFailed).

1. Each command, button, menu and form makes an `ActionContext` of its interaction: ids, roles, permission bits and the
   time of joining of `interaction.user`, the parent of a thread and the category, whether the bot is in the server
   (`interaction.is_guild_integration()`), and the name of the command that does the same. A command sets
   `checked_by_discord`.
2. Before anything but painting: `await services.rights.require(Action.…, context, server_id)`. To show or hide a
   button: `why_not`. Where a custom_id names a server, that is the `server_id`.
3. Before an order: `checked = await services.checks.check_request(context, request)`, then `jobs.order(request, …,
   policy=checked.policy, also=…)` whose `also` awaits `services.checks.record(job, checked)`.
4. Before a job is handed to a worker, and again before its result is delivered: `await
   services.checks.still_allowed(job)`. What it returns is the failure of the job; None is the usual.
5. `/settings` shows `await services.checks.limits_of(context)`: each limit with its source, whose `str` is a sentence.
6. `/server` uses `services.administration`, which checks rights itself. A pause of the queue or a cancelling by staff
   is told to `administration.note`.
7. When Discord tells of other command permissions: `services.gate.forget(server_id)`.
"""
