"""SOAP 1.1 for any dialect: operations declared with structs, files that stream in and out, WSDL, faults."""

from kade.web.soap.answers import Fault, refusal
from kade.web.soap.contract import Contract
from kade.web.soap.endpoint import Call, Nothing, SoapEndpoint, SoapOperation, SoapService
from kade.web.soap.values import Outgoing, text_of

__all__ = [
    "Call",
    "Contract",
    "Fault",
    "Nothing",
    "Outgoing",
    "SoapEndpoint",
    "SoapOperation",
    "SoapService",
    "refusal",
    "text_of",
]
