"""docs/privacy.md, which an operator can publish, written from the catalogue of stored data."""

from __future__ import annotations

from collections.abc import Iterator

from bot.privacy.stored_data import FILES, TABLES

_HEAD = """# Privacy

This page is for users of this bot. It says which data Easel stores about you, for how long, and how you can see,
export and delete it. `python -m tools.privacy` writes the tables of this page, and a test checks that the tables are
up to date.

## What you can do

| command | what it does |
|---|---|
| `/privacy show` | shows the data about you, who is responsible for it, and the progress or result of a deletion |
| `/privacy export` | sends you all your data as ZIP files: a page for your browser, your pictures, and rows as JSON |
| `/privacy delete` | deletes all data about you, after you confirm |

The commands work in servers and in direct messages. The commands also work if you installed the bot only for yourself,
or if you are blocked. If you cannot use the commands, ask the operator, who can do the same with `easel privacy show`,
`export` and `delete`.

To read an export, unpack the ZIP file and open *index.html*. The page shows your pictures and explains every table. It
folds technical details, and leaves out values that only programs can use. The JSON files contain every stored value,
and facts that Easel looks up for the page, such as where a picture that you like was published. The page has no scripts
and loads nothing from the internet. If the export has several parts, each part has its own page.

## Who is responsible

The operator of the bot is the controller: the person who is responsible for the data. `/privacy show` names the
controller, a contact, the purposes and recipients of the data, and the minimum age of users. This command also links
the operator's privacy policy. The operator enters these facts in the section `[privacy]` of the settings. Whatever the
operator enters, Discord receives the bot's messages. Easel uses the data to generate and show pictures, to apply rules
and limits, and to handle reports.

## What a deletion does

Easel cancels your queued and running jobs. Before it deletes anything, Easel waits for your earlier actions to finish,
such as an upload that it is still reading. Such actions therefore leave no data behind. After that, Easel deletes rows
in the database, words in search indexes, pictures, thumbnails, start pictures, and the bot's messages about you. After
a restart, the deletion continues automatically. At the end, you get a receipt.

Until the rows are deleted, Easel refuses your commands, buttons and forms. After that, it still refuses forms, and
buttons of private replies, from before the deletion. If you use a command, Easel stores data about you again.

- **Messages.** Easel deletes all messages that Discord lets it delete: messages with your pictures, messages in which
  you posted the code of a stack, and all direct messages to you. If a message to staff about a report names you, Easel
  rewrites it without your name and your text. The bot cannot delete messages in servers and channels that it has left
  or cannot enter. The receipt shows the number of these messages.
- **Private replies.** Only you can see the bot's private replies, and the bot cannot delete them. Dismiss these
  replies in Discord, or wait until Discord forgets them.
- **Other machines.** If the operator has a [cluster](cluster.md#files), its machines delete the data of a job when
  Easel cancels the job. If a machine's worker was killed, or the machine was cut off, the machine deletes the data
  when it generates again. Easel completes your deletion without waiting for such a machine.
- **Copies of the database** contain your data until these copies expire. The receipt says how many copies there are,
  and when the last one expires.
- **Blocks, limits and today's usage** stay, so that a deletion does not lift them. Easel replaces your id with a hash
  that can be made only with the bot's own key. Entries in the audit log also stay, with this hash instead of your id.
- **Reported pictures.** If a report about a picture is open, Easel keeps the picture's file until the decision, but
  for at most `[moderation] held_days` (30). If the reason of the report is *sexual and looks like a minor*, Easel
  keeps the file without a time limit. Easel notifies you that it keeps the file. Only the people who decide about the
  report can see the file.
- **Start pictures of other users.** If another user chose *Start from picture* on a picture of yours, Easel deletes
  that start picture too, even if a request or a studio uses it. The receipt shows the number of these start pictures.
  If the other user has already generated pictures from such a start picture, these pictures belong to the other user.
- **Other users' copies.** If other users saved, uploaded or remixed your pictures, or imported your stacks, these
  copies belong to those users.

Easel overwrites deleted data in the database (with SQLite's `secure_delete`) and in the database's write-ahead log. If
you delete a single picture, Easel overwrites the words about this picture in search indexes within a day. A disk or a
file system may still keep the old content of overwritten blocks. Easel cannot make a disk forget old content.

If the operator restores a copy of the database, Easel deletes your data again before anything else starts. It
recognises you by a keyed hash of your id, which is in the file `removals.jsonl`. This hash can be made only with the
bot's own key.

## If staff remove a picture

If staff hide, delete or rate a picture after a report, or take it down, Easel saves a verdict in the table
`picture_verdict`. A verdict contains the decision and the picture's perceptual hash. The verdict applies if the same
picture is generated, uploaded or published again. Depending on the verdict, Easel then refuses the picture, or rates
the picture at least as high as the verdict does. While a report hides a picture, Easel hides new copies of it too. A
verdict names neither you nor the job. A verdict refers to its report by a keyed hash. The verdict stays when you
delete all your data. If staff dismiss the report or reverse the decision, Easel deletes the verdict.

## If a picture shows you

Write to the operator of this bot. You do not need a Discord account. The operator removes pictures that show you, and
their copies, within 48 hours. After that, Easel stores only perceptual hashes of these pictures, in the table
`takedown_case`. A perceptual hash is a number that lets Easel recognise and refuse a later copy. The hashes do not
show the picture, and they contain neither your name nor your address. Easel keeps the hashes in the database and in
`removals.jsonl` until an operator closes the case.

Easel tells the users who generated or uploaded these pictures that a person in them asked for the removal. Easel does
not say who asked. The audit log of each server where a picture was generated or published gets an entry.

## If you start from a picture

If the operator has installed face detection, Easel looks for photographed faces in the pictures that you start from.
The face detection runs on the bot's machine, and does not need to send the picture anywhere. Easel does not compare
faces. In your studio and with the request, Easel stores only whether it found a face. Easel needs this information
because the content rating of a picture made from a photographed face is limited. If the operator uses a classifier,
this model rates the picture on the machine that generates. Easel saves the content rating with the job.

## If a model reads your words

The operator can use a text judge: a model that reads the words of your requests. The model runs on the machine that
generates, and sends the words nowhere. If the model detects sexual content about minors, Easel refuses the request.
The model can also give a picture a content rating. Easel saves this content rating with the job. The program that
generates keeps the latest 512 texts and their scores in memory.

## What is marked

The file of every picture says that the picture is generated (XMP, IPTC's digital source type). If the operator uses a
certificate for C2PA, the bot also signs this statement. The signature shows that nobody changed the file after the bot
signed it. It names the installation of the bot, or its operator, but no user. Programs may show the signer as unknown.
Anyone who has the operator's key can sign. If someone removes the metadata from a copy, the mark and the signature are
gone.

If you keep your prompts private, the files do not contain them. All other generation parameters stay in the file.

If the operator uses a watermark, the pixels of each picture contain a number for this bot and the number of the
request. Anyone can read both numbers. Only the bot can tell whose request it was.

With *Picture details* in the menu of a message, anyone can ask whether this bot generated a picture. Easel compares the
perceptual hash of that picture with the hashes of all pictures that it stores. If one of them is the same picture,
Easel says when it was generated. Only you and the operators see which of your requests it was.
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
