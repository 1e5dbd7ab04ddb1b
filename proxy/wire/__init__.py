"""The dialects, pure: bytes in -> `ChatRequest`, `Event` in -> bytes out.

ollama/     /api/chat and /api/generate: requests and answers
openai/     /v1/chat/completions and /v1/completions: requests and answers
responses/  /v1/responses: requests and answers
anthropic/  /v1/messages and its count_tokens: requests and answers
chat/       /chat and what is below it: requests, answers, kept chats
embeddings  bodies that ask for embeddings, and the vectors in their answers
requests    what the requests of all dialects have in common
tools       the tools that a request offers, the choice among them, earlier calls
models      what is said about models: tags, show, ps, version, /v1/models in two shapes
modelfile   a model as a Modelfile, and its parameters as lines
names       the model's name in a request, and the words about it
body        a request's first JSON value, by Go's rules
census      how many values a JSON text has, told before it is read
syntax      what is wrong with a JSON text, in Go's words
fields      typed reading of a body, with Go's words for a mismatch
shapes      what is read, as JSON Schema
options     sampling options: which exist, which mean something here
images      base64 pictures and PDFs
dimensions  how large a picture is, by its header
durations   keep_alive
context     the `context` of /api/generate: a conversation as integers
jsontext    JSON out: ASCII only
stamps      created_at
gotext      how Go prints things in its error texts
"""
