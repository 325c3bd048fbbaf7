internal import HermesHome
internal import Support

/// A file on its way from the home to the tree.
struct Draft {
    struct Found {
        var rule: String
        var fingerprint: String
        var place: String
        var variable: String?
    }

    var bytes: [UInt8]
    var storedName: [UInt8]
    var found: [Found] = []
    var needed: [Manifest.Needed] = []

    /// Adds hits in a text, with their places.
    mutating func add(_ hits: [Hit], in text: [UInt8]) {
        let places = text.withUnsafeBytes { SourcePosition.of(hits.map(\.range.lowerBound), in: $0) }
        for (hit, place) in zip(hits, places) {
            found.append(
                Found(
                    rule: hit.rule, fingerprint: hit.fingerprint, place: "\(place.line):\(place.column)", variable: nil)
            )
        }
    }

    var redactions: [Manifest.Redaction] { Draft.redactions(found) }

    /// One line for each secret and variable, with its first place and how often it stood there.
    static func redactions(_ found: [Found]) -> [Manifest.Redaction] {
        var order: [String] = []
        var byKey: [String: Manifest.Redaction] = [:]
        for item in found {
            let key = "\(item.rule)\0\(item.fingerprint)\0\(item.variable ?? "")"
            if byKey[key] != nil {
                byKey[key]?.count += 1
            } else {
                order.append(key)
                byKey[key] = Manifest.Redaction(
                    rule: item.rule, fingerprint: item.fingerprint, place: item.place, count: 1, variable: item.variable
                )
            }
        }
        return order.compactMap { byKey[$0] }
    }

    /// The name in the home, where the tree has another and it holds no secret.
    func originalName(_ path: [UInt8]) -> [UInt8]? {
        storedName == path || found.contains { $0.place == "name" } ? nil : path
    }
}

/// What a restore drill counts.
enum HomeCounts {
    /// The ids in a cron/jobs.json, as the drill reads them; none where it cannot be read.
    static func cronJobs(_ json: [UInt8]) -> [String] {
        (CronJobs.ids(in: json) ?? []).sorted()
    }

    /// The entries of a memory file.
    static func memories(_ text: [UInt8]) -> Int { Memories.File.entries(in: text).count }
}
