"""The File Client's services by REST (spec 2.1)."""
