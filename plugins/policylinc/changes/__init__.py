"""Changes of dated terms: read from files or requests, checked whole, compared with what holds, carried out."""
