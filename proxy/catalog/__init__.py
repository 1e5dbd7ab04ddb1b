"""Which models exist, and what a request becomes for one of them.

models         the catalogue, and how a client's name finds a model in it
personas       models of one's own: what they inherit, and what a request becomes on them
persona_store  personas on disk
library        the making and unmaking of personas
fit            what of a client's wishes a model takes, and how they are put to it
passing        the same for a model that takes requests as they are
tools          what of a request's tools a model is offered, and whether it has to call one
window         how long a conversation is, and which of its turns are left out
residency      which models are loaded, and until when
residents      that for each caller
"""
