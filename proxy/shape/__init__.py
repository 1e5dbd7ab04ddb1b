"""What an answer is held to, whatever the model says: pure, text in and text out.

stop        ends an answer before the first stop string, however the deltas are cut
jsonvalue   lets through the one JSON value of an answer, without the words and fences around it
schema      a client's JSON Schema: as the API takes it, in words, and as the measure of an answer
native      a JSON Schema in the part of the language that the API's structured output takes
references  the references of a schema into itself, and how large they make it
"""
