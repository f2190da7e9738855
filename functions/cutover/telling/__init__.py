"""What people are told and asked: one catalogue of sentences in two languages, and who of the audiences reads what.

Pure but for Jinja2, which renders the catalogue; rendered from records alone, the same wherever it is asked for.
"""
