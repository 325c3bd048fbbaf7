internal import EmbeddedData

/// The JSON Schemas (2020-12) of what the program reads and writes, as `schema NAME` prints them.
public enum PublishedSchema: String, Sendable, CaseIterable {
    case config, run, status, snapshot, fleet

    /// The schema's text: JSON with a newline at its end.
    public var text: String {
        let file =
            switch self {
            case .config: "config"
            case .run: "job-run"
            case .status: "status"
            case .snapshot: "instance-snapshot"
            case .fleet: "fleet-snapshot"
            }
        guard let entry = hx_embedded_file("schemas/\(file).schema.json") else {
            fatalError("the schema \(file) was not compiled in")
        }
        return String(
            decoding: UnsafeBufferPointer(start: entry.pointee.bytes, count: entry.pointee.size), as: UTF8.self)
    }
}
