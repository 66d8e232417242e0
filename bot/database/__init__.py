"""The database: one SQLite file that survives restarts, its schema, and one module of queries per noun.

database.py            `Database`: opens the file; reading, writing and transactions on shared connections
query.py               `Query` and `SqlStatement`: SQL constants with the type of their rows
schema.sql             the tables of the first release
migrations/            later changes of the schema, `NNNN_what.sql`
migrate.py             creates the tables, and brings an older database to the newest schema
errors.py              what can be wrong with the database
lock.py                one program per database
integrity.py           whether the file is intact, and still the one that is open
backup.py              copies of the database, and putting one back
wal.py                 detects a damaged write-ahead log
record_of_removals.py  the record beside the database of what a restored copy must not bring back
clock.py               the time as rows hold it

pseudonyms.py          keyed hashes in the place of people's ids
people.py              people and servers, known by Discord's snowflake
preferences.py         each person's defaults
drafts.py              drafts of requests that were refused
studio.py              each person's draft in the studio
key_values.py          small values that the program keeps between two starts

jobs.py                jobs and their states
job_orders.py          what jobs cost of the day's quotas, and what was known of their people
deliveries.py          whether the result of a job was delivered
pauses.py              servers whose jobs are not started
server_settings.py     what staff have chosen for their server
server_limits.py       limits of servers, roles and people
word_lists.py          words and patterns that staff do not want in their server
allowed_phrases.py     phrases that staff allow in their server, and members' questions that ask for one
blocks.py              people and LoRAs that are blocked
base_model_proposals.py  corrections of base models that wait for an operator
audit.py               who changed what; nobody changes or deletes an entry
pictures.py            finished pictures and the LoRAs they were painted with
additions.py           LoRAs from outside, from the wish until the file is here, and who wants them
disputes.py            LoRAs that another page claims for another base model, and who had them
hub_looks.py           what hubs say now of files that came from them, and who is told of newer versions
deletions.py           pictures that their owner deletes: hidden, brought back or gone
erasures.py            people who have all deleted that is kept of them
erased_rows.py         deletes their rows, and hashes the id where a row stays
erasure_leftovers.py   their files and messages that are still to be removed
retention.py           orders and pictures that are older than they are to be kept
left_servers.py        servers that removed the bot, and forgetting them
takedowns.py           pictures that staff took down, and whether their owner was told
takedown_notices.py    what authors and uploaders are told about these takedowns
takedown_cases.py      takedowns for people who are shown in pictures, and the copies that were found
picture_hashes.py      perceptual hashes of pictures
picture_verdicts.py    what was decided about pictures, by their hashes alone
reports.py             what people report, what is out of sight, and the message to staff
report_reminders.py    which reminders of open reports were sent
decisions.py           what is decided about reports, with the steps that carry it out
appeals.py             appeals against decisions
inputs.py              which pictures to start from are still needed
history.py             a person's finished jobs, by page or by search
job_ratings.py         for whom a job's pictures are, by staff, an operator or the classifier
job_terms.py           the words of a job in the full text index
paces.py               how long things were measured to take

publications.py        pictures in the art channels of servers
gallery.py             the published pictures of a server, by page
gallery_terms.py       a publication in the full text index, and what the gallery is filtered by
likes.py               who likes which published picture
features.py            LoRAs and pictures that staff feature
boards.py              the message of an art channel that shows what is newest
server_trends.py       how lately pictures with a LoRA were published and liked in a server
trends.py              how often and how lately, as one number

loras.py               reads the catalogue of LoRAs
file_counts.py         how many files of the library can be used, or are newer or lost on their hub
lora_records.py        writes what a scan of the library found
lora_index.py          writes the search index of an entry
lora_search.py         searches the catalogue
lora_server_order.py   lists of LoRAs in which a server's publications and likes count
lora_autocomplete.py             suggestions while a person types the name of a LoRA
search.py              what was typed, as full text queries
dictionary.py          finds words that are one typo away
base_models.py         base models in rows, and how many LoRAs each has
checkpoints.py         hashes of checkpoints
tags.py                tags of LoRAs
uses.py                how often and how lately LoRAs were used
ratings.py             one to five stars for a LoRA
samples.py             sample pictures of LoRAs
sample_failures.py     files with which no samples could be painted
weight_ranges.py       between which weights LoRAs were measured to be useful
bookmarks.py           bookmarks with their notes
bookmark_transfer.py   exports and imports all bookmarks of a person
posted_messages.py     messages that name a person and are of no order
stacks.py              named sets of LoRA uses
"""
