"""The catalogue as a document: read, checked as a whole, kept by version, and looked up while it is in force."""

from ccc_router.queues.catalogue.checks import faults_of
from ccc_router.queues.catalogue.current import Current
from ccc_router.queues.catalogue.document import Fault, as_document, demo_document, parse

__all__ = ["Current", "Fault", "as_document", "demo_document", "faults_of", "parse"]
