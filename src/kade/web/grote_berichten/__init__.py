"""Digikoppeling Grote Berichten 3.8, as either side speaks it: references, messages, names, schemas.

*Pull*: a reference (gb/2010/10) says where a file is to be fetched. *Push*: a request (gb/2020/09) says what
was put, and the response judges it (file-service.md 3 and 6).
"""
