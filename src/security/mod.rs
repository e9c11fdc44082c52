//! Who is asking, and may they: principals and the authorizer.
