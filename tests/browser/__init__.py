"""The pages in a real browser, Chromium, over the real CLI and the simulator: ``make test-browser``.

conftest     the browser, and a daemon that looks as if it were used
watching     a tab that notes what a page must not do
screenshots  the pictures in the documents: ``make screenshots``
"""
