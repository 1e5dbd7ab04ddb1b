"""What the API refuses, with the API's own texts where they are known.

access          the headers: key and version
request         the order of all checks: `check_request`
parameters      max_tokens, sampling, thinking, effort, output format, stop sequences
output_schema   the schema of an output format
context         context_management
messages        roles and their order, empty content, prefill, tool calls and their results
blocks          one content block: text, image, document, thinking, tool_use, tool_result
thinking        thinking that is sent back: what it is bound to
attachments     the images and documents of a whole request
tools           tool definitions and tool_choice
caching         cache_control
fields          a field's type
"""
