"""The dashboard as a folder of static files, which needs no server that runs Python."""
