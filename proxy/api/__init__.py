"""Thin Starlette handlers: parse, open, reply.

application  the ASGI application: the routes, within what every request passes
routes       every route that there is
ollama       the routes of Ollama's own dialect
library      Ollama's routes that make, copy, delete and fetch models
openai       the routes of OpenAI's dialects
anthropic    the routes of Anthropic's dialect
chat         the routes of the chat service
metering     what a turn uses, and what is done with its answer before anybody has the end of it
embeddings   the routes of embeddings
admin        the routes that tell an operator of keys and their use
dashboard    the routes that tell of the running daemon, and stream its news
telling      what they tell, as JSON
events       a stream of server-sent events that goes on until somebody ends it
desk         what the routes of every dialect have in common
health       whether the daemon is alive, and able to answer
operations   what is told of each route in the description of the API
openapi      that description, at ``/openapi.json``
page         what a browser sees at ``/``
body         request bodies, bounded, decompressed
reply        the response that owns a turn's scope: streaming, folding, disconnects, errors
departure    when a client has gone away, or has to
work         a response that takes a while to make, and is not made for a client that has gone
record       what one request did, for its line in the log
origins      which web pages may use the API (CORS)
peers        where a request comes from: trusted proxies
access       who may ask at all: keys
identity     what those two found out, for the handlers
hosts        which names the server answers to (DNS rebinding)
paths        paths written another way, redirected
refusals     what is answered where no route answers
middleware   request ids, the log line, the last resort for errors
protocol     HTTP/1.1 on a connection that is read while it is answered
tls          the server's certificate
server       uvicorn with our signals and a drain
"""
