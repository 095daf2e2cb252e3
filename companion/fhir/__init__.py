"""FHIR R4: the companion's resources as others read them."""
