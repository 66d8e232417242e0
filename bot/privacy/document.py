"""docs/privacy.md, which an operator can publish, written from the table of stored data."""

from __future__ import annotations

from collections.abc import Iterator

from bot.privacy.stored_data import FILES, TABLES

_HEAD = """# Privacy

What this bot keeps of the people who use it, for how long, and how to see it, take it along and delete it. The
tables are written from the program's own (`python -m tools.privacy`), and a test compares them.

## What you can do

| command | what it does |
|---|---|
| `/privacy show` | tells what is kept of you, and what became of a deletion |
| `/privacy export` | gives you all of it as ZIP files: rows as JSON, and your pictures |
| `/privacy delete` | deletes all of it, after a question |

They work in servers, in direct messages, and where only you installed the bot; also for people who are blocked.
Who cannot use the commands can ask whoever runs the bot: `easel privacy show`, `export` and `delete` do the same.

## What a deletion does

Jobs that wait or are being painted are cancelled. Then rows, words in search indexes, pictures, thumbnails,
pictures to start from and the bot's messages about you are deleted. What you asked for before, such as an upload
that is still being read, is waited for, so that nothing of it comes later. It goes on by itself after a restart. At
the end you get a receipt.

- **Messages** are deleted where the bot may still do so: those with your pictures, codes of stacks that you posted,
  and all that the bot wrote to you directly. Messages to staff about reports that name you are written anew, without
  your name and words. Those in places that it has left or may not enter any more are counted in the receipt.
- **Private answers** are yours alone: nobody else can delete them. Dismiss them in Discord, or wait until it
  forgets them.
- **Other machines** that paint, where the operator has a [cluster](cluster.md#files), delete what they have of a job
  when it is cancelled. One that was killed or cut off in the middle of it does so when it paints again, which the
  deletion does not wait for.
- **Copies of the database** keep what was deleted until they expire; the receipt says how many, and when.
- **A block, a limit and what you used up of the day's quotas** stay, so that a deletion lifts none of them. In the
  place of your id stands a hash that only the bot's own key can make from it. The same holds for entries of the
  audit log.
- **Other people's copies** are theirs: pictures that they saved, remixes, stacks that they imported.

What is deleted is overwritten in the database and its log (`secure_delete`); of a single picture that you delete, the
words in search indexes within a day. What a disk or a file system keeps of
overwritten blocks is beyond the program.

If a copy of the database is put back, Easel deletes your data again before anything else starts. It finds you by a
keyed hash of your id in the file `removals.jsonl`, which only the bot's own key can make.

## If staff remove a picture

If staff hide, delete or rate a picture after a report, or take it down, Easel keeps its perceptual hash with that
verdict (the table `picture_verdict`). The same picture is then not painted, uploaded or published again, or has at
least that rating. While a report hides a picture, copies that are painted meanwhile are hidden too. A verdict names
neither you nor the job, and it stays when you delete all. Its link to the report is a keyed hash. If staff dismiss
the report or reverse the decision, the verdict is deleted.

## If a picture shows you

You need not be on Discord: write to whoever runs this bot. They have pictures that show you removed, with their
copies, within 48 hours. Of those pictures only perceptual hashes are kept (the table `takedown_case`): numbers by
which a copy that comes later is known and refused. Nobody can see in them what a picture shows. Neither your name
nor your address is among them. The hashes are kept until an operator closes the case, here and in
`removals.jsonl`.

## If you start from a picture

If the operator has installed a face finder, Easel looks for photographed faces in the pictures that you give. It does
so on the machine of the bot, and sends the picture nowhere for it. It compares faces with nobody. Of the answer Easel
keeps only yes or no, in your studio and with the request, because what is painted from such a picture has a limit. A
classifier, if there is one, looks at it on the machine that paints; the rating is kept with the job.

## What is marked

Every picture says in its file that it is generated (XMP, IPTC's digital source type). The mark is not signed,
unless the operator has a certificate for C2PA; then the signature says whose program painted it, and not for whom. Who
keeps their prompts to themselves sends pictures without them; all other parameters stay inside.
"""


def privacy_document() -> str:
    """The whole page."""
    return "\n".join((_HEAD, *_tables(), *_files()))


def _tables() -> Iterator[str]:
    yield "## In the database"
    yield ""
    yield "Days are those of the settings (`[retention]`), with their defaults; `/privacy show` tells those that hold."
    yield ""
    yield "| table | what it holds | how long | when you delete all | columns |"
    yield "|---|---|---|---|---|"
    for table in TABLES:
        columns = "; ".join(f"`{name}`: {about}" for name, about in table.columns.items())
        yield f"| `{table.name}` | {table.about} | {table.kept} | {table.fate.value} | {columns} |"
    yield ""


def _files() -> Iterator[str]:
    yield "## In files"
    yield ""
    yield "| files | what they hold | found by | how long | when you delete all | exported |"
    yield "|---|---|---|---|---|---|"
    for kind in FILES:
        exported = "yes" if kind.exported else "no"
        yield f"| {kind.name} | {kind.about} | {kind.found} | {kind.kept} | {kind.fate.value} | {exported} |"
    yield ""
