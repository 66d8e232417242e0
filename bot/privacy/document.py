"""docs/privacy.md, which an operator can publish, written from the catalogue of stored data."""

from __future__ import annotations

from collections.abc import Iterator

from bot.privacy.stored_data import FILES, TABLES

_HEAD = """# Privacy

This page is for users of this bot. It says which data Easel stores about you, for how long, and how you see, export
and delete it. The tables come from the program itself (`python -m tools.privacy`), and a test compares them.

## What you can do

| command | what it does |
|---|---|
| `/privacy show` | shows the data about you, and the progress or the result of a deletion |
| `/privacy export` | sends you all data as ZIP files: rows as JSON, and your pictures |
| `/privacy delete` | deletes all data about you, after a question |

The commands work in servers and in direct messages, and if only you installed the bot. They also work if you are
blocked. If you cannot use the commands, ask the operator: `easel privacy show`, `export` and `delete` do the same.

## What a deletion does

Easel cancels your queued and running jobs. It waits for your earlier actions, such as an upload that it is still
reading, so that they leave no data behind. Then it deletes rows, words in search indexes, pictures, thumbnails,
pictures to start from, and the bot's messages about you. After a restart, the deletion continues automatically. At
the end you get a receipt.

- **Messages.** Easel deletes all messages that Discord lets it delete: messages with your pictures, codes of stacks
  that you posted, and all direct messages to you. It rewrites messages to staff about reports that name you, without
  your name and your text. The receipt counts messages in places that the bot has left or cannot enter.
- **Private answers.** Only you can see these, and the bot cannot delete them. Dismiss them in Discord, or wait until
  Discord forgets them.
- **Other machines.** If the operator has a [cluster](cluster.md#files), its machines delete the data of a job when
  Easel cancels it. A machine that was killed or cut off deletes the data when it generates again. The deletion does
  not wait for such a machine.
- **Copies of the database.** They contain your data until they expire. The receipt says how many there are, and until
  when.
- **Blocks, limits and today's usage.** They stay, so that a deletion does not lift them. Easel replaces your id by a
  hash that only the bot's own key can make. The same applies to entries of the audit log.
- **Reported pictures.** If a report of a picture is open, Easel keeps its file until the decision, `[moderation]
  held_days` (30) at most. A report *sexual and looks like a minor* has no such end. Easel notifies you. Only the
  people who decide see the file.
- **Copies of other users.** Pictures that they saved, remixes, and stacks that they imported belong to them.

Easel overwrites deleted data in the database and in its log (`secure_delete`). If you delete a single picture, Easel
overwrites its words in search indexes within a day. A disk or a file system may still have overwritten blocks. Easel
cannot change this.

If the operator restores a copy of the database, Easel deletes your data again before anything else starts. It finds
you by a keyed hash of your id in the file `removals.jsonl`. Only the bot's own key can make this hash.

## If staff remove a picture

If staff hide, delete or rate a picture after a report, or take it down, Easel saves its perceptual hash with that
verdict (the table `picture_verdict`). Easel then does not generate, upload or publish the same picture again, or
gives it at least that content rating. While a report hides a picture, Easel hides new copies of it too. A verdict
names neither you nor the job. Its link to the report is a keyed hash. It stays when you delete all your data. If
staff dismiss the report or reverse the decision, Easel deletes the verdict.

## If a picture shows you

You need no Discord account: write to the operator of this bot. The operator removes pictures that show you, and their
copies, within 48 hours. Easel then stores only perceptual hashes of these pictures (the table `takedown_case`). These
are numbers that let Easel recognise and refuse a later copy. They do not show the picture, and they contain neither
your name nor your address. Easel keeps them until an operator closes the case, in the database and in
`removals.jsonl`.

## If you start from a picture

If the operator has installed a face finder, Easel looks for photographed faces in the pictures that you give. It does
this on the bot's machine, and sends the picture nowhere for it. It compares no faces. Easel stores only yes or no, in
your studio and with the request, because a picture from a photographed face has a limited content rating. If there is
a classifier, it looks at the picture on the machine that generates. Easel saves the content rating with the job.

## What is marked

Every picture's file says that it is generated (XMP, IPTC's digital source type). The mark has no signature, unless
the operator has a certificate for C2PA. Then the signature says whose program generated the picture. It names no
user. If you keep your prompts private, your pictures do not contain them. All other parameters stay inside.
"""


def privacy_document() -> str:
    """Return the whole page."""
    return "\n".join((_HEAD, *_tables(), *_columns(), *_files()))


def _tables() -> Iterator[str]:
    yield "## In the database"
    yield ""
    yield "Times are the defaults of `[retention]` in the settings. `/privacy show` lists the times of this bot."
    yield ""
    yield "| data | table | how long | after you delete all |"
    yield "|---|---|---|---|"
    for table in TABLES:
        yield f"| {table.about} | `{table.name}` | {table.kept} | {table.fate.value} |"
    yield ""


def _columns() -> Iterator[str]:
    yield "### Columns"
    yield ""
    yield "| table | columns |"
    yield "|---|---|"
    for table in TABLES:
        columns = " ".join(f"`{name}`: {about}." for name, about in table.columns.items())
        yield f"| `{table.name}` | {columns} |"
    yield ""


def _files() -> Iterator[str]:
    yield "## In files"
    yield ""
    yield "| files | data | found by | how long | after you delete all | exported |"
    yield "|---|---|---|---|---|---|"
    for kind in FILES:
        exported = "yes" if kind.exported else "no"
        yield f"| {kind.name} | {kind.about} | {kind.found} | {kind.kept} | {kind.fate.value} | {exported} |"
    yield ""
