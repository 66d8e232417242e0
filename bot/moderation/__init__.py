"""What may be asked for and shown: rules on words, and ratings.

folding.py        one plain character for all that look alike
normalise.py      text in one spelling, with the way back to the text as it was written
word_matcher.py   finds many words at once, however they are written; ordinary_words.txt holds words that meet by chance
word_forms.py     finds plurals and slips of a list's words, where the list asks for it
negations.py      what a text says is not in the picture
ages.py           ages below 18 as people say them; ages.toml holds how
allowed_phrases.py phrases that a server allows, and what of a refused prompt its staff can allow
minors.py         the rule on minors, which nobody can switch off; its terms are in minors.toml
word_rules.py     lists of words and patterns; `judge` says which of all rules a text breaks
request_texts.py  the texts of a request that are judged and rated
enforcement.py    the rules as the settings have them now, and what people are told
ratings.py        what a picture counts as, what places show, what licences permit; what prompts say is in ratings.toml

How it is called: `WordRules.check_request` and `why_not_painted` for a request, `WordRules.check` for a note or a name.
All ask `judge`: `WordVerdict.refusals` is refused, `WordVerdict.shadowed` is logged, and counted where a list is a
server's.
"""
