"""Settings as frozen values, and the building blocks of the file's sections: fields, units, references to secrets."""
