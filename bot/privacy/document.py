"""docs/privacy.md, which an operator can publish, written from the catalogue of stored data."""

from __future__ import annotations

from collections.abc import Iterator

from bot.privacy.stored_data import FILES, TABLES

_HEAD = """# Privacy

This page is for users of this bot. It says which data Easel stores about you, for how long, and how you can see,
export and delete it. The program itself writes the tables (`python -m tools.privacy`), and a test checks that they
are up to date.

## What you can do

| command | what it does |
|---|---|
| `/privacy show` | shows the data about you, who is responsible for it, and the progress or result of a deletion |
| `/privacy export` | sends you all your data as ZIP files: a page for your browser, your pictures, and rows as JSON |
| `/privacy delete` | deletes all data about you, after you confirm |

The commands work in servers, in direct messages, and if you installed the bot only for yourself. They also work if
you are blocked. If you cannot use the commands, ask the operator, who can do the same with `easel privacy show`,
`export` and `delete`.

To read an export, unpack the ZIP file and open *index.html*. The page shows your pictures and explains every table. It
folds technical details, and leaves out values that only programs can use. The JSON files contain every stored value,
and facts that Easel looks up for the page, such as where a picture that you like was published. The page has no scripts
and loads nothing from the internet. If the export has several parts, each part has its own page.

## Who is responsible

The operator of the bot is responsible for the data (the controller). `/privacy show` names the controller and a
contact, the purposes, the recipients and the minimum age. It also links the operator's privacy policy. The operator
enters these facts in the section `[privacy]` of the settings. Discord always receives the bot's messages, and Easel
always uses the data to generate and show pictures, to apply rules and limits, and to handle reports.

## What a deletion does

Easel cancels your queued and running jobs. It first waits for your earlier actions to finish, such as an upload that
it is still reading, so that they leave no data behind. Then it deletes rows, words in search indexes, pictures,
thumbnails, start pictures, and the bot's messages about you. After a restart, the deletion continues automatically.
At the end, you get a receipt.

- **Messages.** Easel deletes all messages that Discord lets it delete: messages with your pictures, codes of stacks
  that you posted, and all direct messages to you. If a message to staff about a report names you, Easel rewrites it
  without your name and your text. The bot cannot delete messages in servers and channels that it has left or cannot
  enter. The receipt shows the number of these messages.
- **Private replies.** Only you can see these, and the bot cannot delete them. Dismiss them in Discord, or wait until
  Discord forgets them.
- **Other machines.** If the operator has a [cluster](cluster.md#files), its machines delete the data of a job when
  Easel cancels the job. If the machine's worker was killed, or the machine was cut off, this happens when the machine
  generates again. The deletion does not wait for such a machine.
- **Copies of the database.** These contain your data until they expire. The receipt says how many copies there are,
  and when the last one expires.
- **Blocks, limits and today's usage.** These stay, so that a deletion does not lift them. Easel replaces your id with
  a hash that can be made only with the bot's own key. The same applies to entries in the audit log.
- **Reported pictures.** If a report about a picture is open, Easel keeps the picture's file until the decision, but
  for at most `[moderation] held_days` (30). For a report with the reason *sexual and looks like a minor*, there is no
  such time limit. Easel notifies you that it keeps the file. Only the people who decide about the report can see the
  file.
- **Start pictures of other users.** If another user chose *Start from picture* on a picture of yours, Easel deletes
  that start picture too, even if a request or a studio uses it. The receipt says how many there were. Pictures that
  were generated from it before belong to that user.
- **Other users' copies.** Pictures that other users saved or uploaded again, their remixes, and stacks that they
  imported belong to them.

Easel overwrites deleted data in the database and in the database's write-ahead log (`secure_delete`). If you delete a
single picture, Easel overwrites its words in search indexes within a day. A disk or a file system may still keep the
old content of overwritten blocks. Easel cannot prevent this.

If the operator restores a copy of the database, Easel deletes your data again before anything else starts. It
recognises you by a keyed hash of your id in the file `removals.jsonl`. This hash can be made only with the bot's own
key.

## If staff remove a picture

If staff hide, delete or rate a picture after a report, or take it down, Easel saves a verdict (the table
`picture_verdict`). A verdict contains the decision and the picture's perceptual hash. It applies if the same picture
is generated, uploaded or published again. Depending on the verdict, Easel then refuses the picture, or gives it at
least the content rating in the verdict. While a report hides a picture, Easel hides new copies of it too. A verdict
names neither you nor the job. Its link to the report is a keyed hash. The verdict stays when you delete all your
data. If staff dismiss the report or reverse the decision, Easel deletes the verdict.

## If a picture shows you

Write to the operator of this bot. You do not need a Discord account. The operator removes pictures that show you, and
their copies, within 48 hours. After that, Easel stores only perceptual hashes of these pictures (the table
`takedown_case`). A perceptual hash is a number that lets Easel recognise and refuse a later copy. The hashes do not
show the picture, and they contain neither your name nor your address. Easel keeps them in the database and in
`removals.jsonl` until an operator closes the case.

Easel tells the users who generated or uploaded these pictures that a person in them asked for the removal. It does not
say who asked. The audit log of each server where a picture was generated or published gets an entry.

## If you start from a picture

If the operator has installed face detection, Easel looks for photographed faces in the pictures that you start from.
It does this on the bot's machine, and does not send the picture anywhere for this purpose. It does not compare faces.
Easel stores only whether it found a face, in your studio and with the request. It needs this because the content
rating of a picture made from a photographed face is limited. If the operator uses a classifier, it rates the picture
on the machine that generates. Easel saves the content rating with the job.

## If a model reads your words

The operator can use a text judge: a model that reads the words of your requests. The model runs on the machine that
generates, and sends the words nowhere. It refuses sexual content about minors, or gives the picture a content rating,
which Easel saves with the job. The worker process keeps the latest 512 texts and their scores in memory.

## What is marked

The file of every picture says that the picture is generated (XMP, IPTC's digital source type). This mark is not
signed, unless the operator has a certificate for C2PA. The signature then says who runs the program that generated
the picture. It does not name a user. If you keep your prompts private, the files do not contain them. All other
generation parameters stay in the file.
"""


def privacy_document() -> str:
    """Return the whole page."""
    return "\n".join((_HEAD, *_tables(), *_columns(), *_files()))


def _tables() -> Iterator[str]:
    yield "## In the database"
    yield ""
    yield (
        "Times are the defaults of `[retention]` in the settings. `/privacy show` lists how long this bot keeps each "
        "kind of data."
    )
    yield ""
    yield "| data | table | how long | after you delete all data |"
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
    yield "| files | data | found by | how long | after you delete all data | exported |"
    yield "|---|---|---|---|---|---|"
    for kind in FILES:
        exported = "yes" if kind.exported else "no"
        yield f"| {kind.name} | {kind.about} | {kind.found} | {kind.kept} | {kind.fate.value} | {exported} |"
    yield ""
