"""The demo page: a bundle's model in a browser, served from this machine or any static host."""
