"""docs/privacy.md, which an operator can publish, written from the catalogue of stored data."""

from __future__ import annotations

from collections.abc import Iterator

from bot.privacy.stored_data import FILES, TABLES

_HEAD = """# Privacy

This page is for users of this bot. It says which data Easel stores about you, for how long, and how you can see, export
and delete your data.

## What you can do

| command | what it does |
|---|---|
| `/privacy show` | shows the data about you, who is responsible for it, and the progress or result of a deletion |
| `/privacy export` | sends you your data as ZIP files: a page for your browser, your pictures, and JSON files |
| `/privacy delete` | deletes all data about you, after you confirm |

You can use `/privacy` in servers and in direct messages. You can also use `/privacy` if you have added the bot only to
your own account, or if staff have blocked you. If you cannot use `/privacy`, ask the operator to show, export or delete
your data. The operator can use the commands `easel privacy show`, `export` and `delete`.

To read your exported data, unpack the ZIP file and open *index.html*, a page that shows your pictures and explains
every table. The page *index.html* hides technical details until you open them, and leaves out values that only programs
can use. The JSON files in the export contain every stored value. The JSON files also contain some facts that Easel
looks up for the export, such as the channels in which the pictures that you like were published. The page *index.html*
has no scripts and loads nothing from the internet. If Easel splits the export into several ZIP files, each ZIP file has
its own *index.html*.

## Who is responsible

The operator of the bot is the data controller: the person who is responsible for your data. `/privacy show` names the
controller, a contact address and the recipients of the data. `/privacy show` also says what the data is used for and
how old users must be, and links to the operator's privacy policy. The operator enters the controller's details in the
section `[privacy]` of the settings. Discord always receives the bot's messages, even if the operator does not list
Discord as a recipient. Easel uses the data to generate and show pictures, to apply rules and limits, and to handle
reports.

## What a deletion does

If you delete your data, Easel first cancels your queued and running requests. If another action of yours is still
running, such as an upload, Easel waits until this action ends, because it could store new data. Easel then deletes your
data from the database and its search indexes, your pictures, thumbnails and start pictures, and the bot's messages
about you. If the bot restarts during the deletion, the deletion continues automatically. When the deletion is complete,
you get a receipt.

Until Easel has deleted your data from the database, you cannot use Easel's commands, buttons and forms. After the
deletion, forms and private replies that you opened before the deletion no longer work. If you use a command after the
deletion, Easel stores data about you again.

- **Messages:** Easel deletes its messages with your pictures, its messages with the codes of your stacks, and all its
  direct messages to you. If a message to staff about a report names you, Easel removes your name and the text that you
  wrote from this message. The bot cannot delete messages in servers that it has left, or in channels that it cannot
  access. The receipt shows the number of messages that the bot cannot delete.
- **Private replies:** Only you can see the bot's private replies, and the bot cannot delete them. You can dismiss
  private replies in Discord, or wait until Discord removes them.
- **Other machines:** If the bot uses a [cluster](cluster.md#files) of several machines, each machine deletes the data
  of a request when Easel cancels the request. If a machine is offline, or its program that generates pictures was
  killed, the machine deletes your data when it generates pictures again. Easel completes your deletion without waiting
  for such machines.
- **Copies of the database** still contain your data until these copies expire. The receipt says how many copies of the
  database contain your data, and when the last copy expires.
- **Blocks, limits and today's usage** are not deleted, because they must still apply after a deletion. In blocks,
  limits and usage records, Easel replaces your Discord ID with a hash that can be calculated only with the bot's own
  key. Entries in the audit log also stay after a deletion, but contain a keyed hash instead of your Discord ID.
- **Reported pictures:** If you delete your data while a report about one of your pictures is open, Easel keeps the
  picture's file until the decision, but for at most 30 days (`[moderation] held_days`). For reports with the reason
  “sexual and looks like a minor”, Easel keeps the picture's file until the decision, however long the decision takes.
  Easel notifies you if it keeps the file of a reported picture. Only the people who decide on the report can see the
  file of the reported picture.
- **Start pictures of other users:** If another user chose your picture with *Use this picture…* and *Start from it*,
  Easel also deletes the other user's copy of your picture, even if a request still needs the copy. The receipt shows
  the number of other users' start pictures that Easel deleted. Easel does not delete pictures that other users have
  already generated from your pictures, because these pictures belong to the other users.
- **Other users' copies:** If other users saved, uploaded or remixed your pictures, or imported your stacks, these
  copies belong to the other users, and Easel does not delete them.

Easel overwrites deleted data, both in the database (with SQLite's `secure_delete`) and in the database's write-ahead
log. If you delete a single picture, Easel overwrites the picture's entries in the search indexes within a day. Some
disks and file systems keep the old content of overwritten blocks, and Easel cannot erase this old content.

If the operator restores a copy of the database that still contains your data, Easel deletes your data again before the
bot starts. To recognize your data in a restored copy, Easel stores a keyed hash of your Discord ID in the file
`removals.jsonl`. The keyed hash of your Discord ID can be calculated only with the bot's own key.

## If staff remove a picture

If staff hide, delete or rate a picture after a report, or remove a picture without a report, Easel saves the decision
as a verdict in the table `picture_verdict`. A verdict contains the decision and the perceptual hash of the picture. A
verdict applies if the same picture is generated, uploaded or published again. Depending on the decision, Easel refuses
copies of the picture, or gives each copy at least the content rating that staff chose. While a picture is hidden
because of a report, Easel also hides new copies of that picture. A verdict names neither you nor your request. A
verdict identifies its report only by a keyed hash. If you delete all your data, Easel does not delete the verdicts
about your pictures. If staff dismiss the report or reverse the decision, Easel deletes the verdict.

## If a picture shows you

If a picture shows you and you want it removed, write to the operator of this bot. You do not need a Discord account to
write to the operator. The operator removes pictures that show you, and their copies, within 48 hours. After the
removal, Easel stores only perceptual hashes of the removed pictures, in the table `takedown_case`. A perceptual hash is
a number that lets Easel recognize and refuse later copies of a picture. Perceptual hashes do not show the picture, and
contain neither your name nor your address. Easel keeps the perceptual hashes of removed pictures in the database and in
`removals.jsonl` until an operator closes the takedown case, which is the record of your request.

Easel notifies the users who generated or uploaded the removed pictures that a person in the pictures asked for the
removal. Easel does not say who asked for the removal. Easel also records the removal in the audit log of each server
where one of the removed pictures was generated or published.

## If you start from a picture

If the operator has installed face detection, Easel looks for photographed faces in your start pictures. Face detection
runs on the bot's machine and does not send your pictures anywhere. Easel does not compare faces. In your studio and
with your request, Easel stores only whether the start picture shows a photographed face. If your start picture shows a
photographed face, Easel limits the content rating of the pictures that you generate from this start picture. If the
operator uses a classifier (a model that rates pictures), the classifier rates your start picture on the machine that
generates pictures. Easel saves the content rating of your start picture with your request.

## If a model reads your words

The operator can use a text judge: a model that reads the words of your requests. The text judge runs on the machine
that generates pictures, and does not send your words anywhere. If the text judge detects sexual content about minors,
Easel refuses the request. The text judge can also determine the content rating of a picture from your words. Easel
saves the content rating from the text judge with your request. The program that generates pictures keeps the latest 512
texts that the text judge read, and their scores, in memory.

## What is marked

The file of every picture contains a mark in its XMP metadata (IPTC's digital source type), which says that a model
generated the picture. If the operator uses a certificate for C2PA (a standard for signing facts about a picture's
origin), the bot also signs the mark. A valid signature shows that nobody has changed the file since the bot signed it.
The signature names the bot's installation or the bot's operator, but no user. Programs that read the signature may show
the signer as unknown. Anyone who has the operator's key can make the same signature. If someone removes the metadata
from a copy of the file, the copy contains neither the mark nor the signature.

If you keep your prompts private, the files of your pictures do not contain your prompts. Even without your prompts, the
files of your pictures contain all other generation parameters.

If the operator uses a watermark, the pixels of each picture contain a number that identifies this bot, and the number
of the request. Anyone can read the number of the bot and the number of the request from the pixels. From the number of
a request, only the bot can find out which user made the request.

With the menu entry *Use this picture…* and its button *Details*, anyone can ask whether this bot generated a picture.
When a user presses *Details*, Easel compares the perceptual hash of the picture in the message with the hashes of all
stored pictures. If Easel finds the same picture among the stored pictures, it says when that picture was generated. If
Easel does not find the picture, it checks whether the file has a valid signature of the bot. Only you and the operators
can see which of your requests a picture belongs to.
"""


def privacy_document() -> str:
    """Return the whole page."""
    return "\n".join((_HEAD, *_tables(), *_columns(), *_files()))


def _tables() -> Iterator[str]:
    yield "## In the database"
    yield ""
    yield (
        "The storage periods in this table are the defaults of `[retention]` in the settings. `/privacy show` lists "
        "how long this bot keeps each kind of data."
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
