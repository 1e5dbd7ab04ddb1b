"""What people see in a browser: static pages, which ask the public API for everything else.

pages       the pages and their files, with the headers that they are served with
"""
