"""Jobs on the pages: their state in words, their cards, the Jobs page, and the indicator on every page."""
