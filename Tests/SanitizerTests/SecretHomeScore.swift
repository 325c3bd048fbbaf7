import Foundation
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Sanitizer

/// Scores a labelled home (manifest.json with `plants`, `clean` and a `home` folder beside it), whose place the environment names:
/// HERMES_OPS_SECRET_HOME=/path/to/the/folder.
struct SecretHomeScore {
    private struct Labels: Decodable {
        struct Plant: Decodable {
            var file: String
            var form: String
            var text: String
        }
        var plants: [Plant]
        struct Clean: Decodable { var file: String }
        var clean: [Clean]
    }

    private static let place = ProcessInfo.processInfo.environment["HERMES_OPS_SECRET_HOME"]

    @Test("Every plant is gone or its file excluded, and clean files stay byte for byte", .enabled(if: place != nil))
    func score() throws {
        let place = FilePath(try #require(SecretHomeScore.place))
        let labels = try JSONDecoder().decode(
            Labels.self, from: Data(FileSystem.read(place.appending("manifest.json"), limit: 1 << 24)))
        let home = place.appending("home")
        let folder = try TemporaryDirectory()
        let staged = try Staged(makeSanitizer(), home, in: folder)
        var left: [String] = []
        for plant in labels.plants {
            let bytes = Array(plant.text.utf8)
            for (path, content) in staged.files {
                // The short PIN must go where it is one, and stay where the digits are a port.
                let isHere = path == Array(plant.file.utf8) || bytes.count >= 8
                if isHere, content.holds(bytes) || path.holds(bytes) {
                    left.append("\(plant.form) \(plant.file) in \(printable(path))")
                }
            }
        }
        #expect(left.isEmpty, "\(left)")
        var touched: [String] = []
        for path in labels.clean.map(\.file) {
            let original = try FileSystem.read(home.pushing(FilePath(path)), limit: 1 << 24)
            if staged.files[Array(path.utf8)] != original {
                let why =
                    staged.entry(path)?.redactions.map { "\($0.rule) \($0.place)" } ?? staged.exclusion(path)?.findings
                    .map { "\($0.rule) \($0.place)" } ?? []
                touched.append("\(path): \(staged.exclusion(path)?.reason ?? "") \(why)")
            }
        }
        #expect(touched.isEmpty, "\(touched.count) of \(labels.clean.count):\n\(touched.joined(separator: "\n"))")
    }
}
