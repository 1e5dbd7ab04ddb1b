"""What requests and answers are put into the shape of: pure, values in and values out.

stop        ends an answer before the first stop string, however the deltas are cut
jsonvalue   lets through the one JSON value of an answer, without the words and fences around it
schema      a client's JSON Schema: as the API takes it, in words, and as the measure of an answer
toolschema  a client's tools as the API and the CLI take them
drafts      a JSON Schema of an older draft, or in looser words, put into those of 2020-12
native      a JSON Schema in the part of the language that the API's structured output takes
references  the references of a schema into itself, and how large they make it
pictures    the pictures of a conversation, within the limits of the API
rounds      the calls of a conversation, each with an id and with the result that answers it
"""
