"""What may be asked for and shown: rules on words, and ratings.

normalise.py      text in one spelling, with the way back to the text as it was written
word_matcher.py   finds many words at once, however they are written; short_words.txt holds words that part no others
minors.py         the rule on minors, which nobody can switch off; its terms are in minors.toml
word_rules.py     lists of words and patterns; `judge` says which of all rules a text breaks
ratings.py        what a picture counts as, what places show, what licences permit; what prompts say is in ratings.toml

How it is called, with `chosen = settings.moderation`: `judge(text, TextKind.…, lists, minors)`, with `lists` of
`WordList.of(each) for each in chosen.lists` and `minors = minors_rule(operators_terms(chosen))`. What
`WordVerdict.refusals` holds is refused; what `WordVerdict.shadowed` holds is logged. A `WordList` is compiled when it
is first used: make it once and keep it. The prompt with the names and trigger words of its LoRAs is best judged as one
text, because the rule on minors looks at what stands together.
"""
