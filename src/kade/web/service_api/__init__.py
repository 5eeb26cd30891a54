"""What the service APIs of File Server and File Client have in common, by REST and by SOAP.

Both are for an organisation's own applications: who may come in, how refusals look, the documents and
contracts, forms with one file, and values as they stand on the wire (file-service.md 1.1, 1.4, 2).
"""
