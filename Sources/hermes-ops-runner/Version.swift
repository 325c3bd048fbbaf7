/// The program's version, as it stands in every run record, snapshot and bundle manifest.
enum Version {
    static let current = "0.1.0"
}
