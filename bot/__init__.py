"""Discord and the database. Never imports torch.

Each room may import the rooms above it in this list, never those below; the architecture test keeps it.

visible_text.py  what people see of a text that somebody typed
logs.py · program.py · versions.py    log lines; what the program is called; what is installed
file_access.py   what to do if the system refuses a file or folder
config/          the settings and their text
database/        SQL, one file per noun
i18n/            languages, and text made safe to show
errors/ · background.py · metrics.py    used everywhere
moderation/      what may be asked for and shown: rules on words, and the one on minors
diagnostics/     what is wrong with this machine or with checkpoint files, and what to do
library/         the LoRA files and checkpoints that are here, and what is known of them
sources/         LoRAs and checkpoints from outside: what hubs say of them, and fetching them
requests/        from what a person asks for to the frozen request
pictures/        picture files: uploads, thumbnails, contact sheets
servers/         who may do what in a server and how much of it, and the log of what staff change
jobs/            from queued to painted
workspace/       what people arrange between two requests: studio draft, stacks, remix, browsing
community/       what the people of a server share: published pictures, likes, what staff feature
privacy/         what is kept of people: the table of it, a copy for them, its deletion
reports/         what people report, what staff decide about it, and appeals
app/             what starts, reloads and watches the program
ui/              everything that speaks to Discord
cli/             the commands of `easel`; __main__.py starts them
"""
