/// Returns the name of a slice with its type.
pub(super) fn slice_unit(name: &str) -> String {
    if name.ends_with(".slice") { name.to_owned() } else { format!("{name}.slice") }
}
