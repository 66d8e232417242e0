"""Tools that build what the bot ships; none of them runs inside the bot."""
