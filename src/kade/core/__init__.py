"""What the business is: nouns, rules and seams. No I/O, no framework, no SQL, no HTTP."""
