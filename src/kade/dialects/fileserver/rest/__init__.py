"""The applications' side over REST, below ``<service_path>/rest/v1``: a module per noun."""
