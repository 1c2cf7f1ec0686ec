"""Demo (``ftjob try``): both stand-ins, the real bot between them, and a web page that shows them."""
