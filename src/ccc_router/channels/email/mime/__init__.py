"""Raw mail to a plain value: headers, charsets, parts, files, text. Pure, linear in the input, never raises on bad mail."""
