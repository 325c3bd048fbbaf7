internal import Support
internal import SystemPackage

/// Whose units these are, as their service template says: which instance, and the configuration that it is run with.
struct UnitOwner: Equatable {
    private static let template = "hermes-ops@.service"

    /// `Hermes Ops job %i (vijay)`
    var description: String
    /// As the unit writes it, quotes and all.
    var configuration: String

    /// Nil for what is no template of this program's.
    init?(_ contents: String) {
        guard contents.hasPrefix(UnitRenderer.marker) else { return nil }
        let lines = contents.split(separator: "\n")
        guard let description = lines.first(where: { $0.hasPrefix("Description=") }),
            let start = lines.first(where: { $0.hasPrefix("ExecStart=") }),
            let option = start.firstRange(of: " --config "), let end = start.firstRange(of: " --state-dir ")
        else { return nil }
        guard option.upperBound <= end.lowerBound else { return nil }
        self.description = String(description.dropFirst("Description=".count))
        configuration = String(start[option.upperBound..<end.lowerBound])
    }

    /// Who owns the installed units, in words, if that is another than the rendered ones' owner.
    static func other(than rendered: RenderedUnits, in layout: UnitLayout) throws -> String? {
        let path = layout.units.appending(template)
        guard (try? FileStatus(at: path))?.kind == .file,
            let installed = UnitOwner(String(decoding: try FileSystem.read(path, limit: 1 << 20), as: UTF8.self)),
            let own = rendered.files.first(where: { $0.name == template }).flatMap({ UnitOwner($0.contents) }),
            installed != own
        else { return nil }
        let what =
            installed.configuration == own.configuration ? "\"\(printable(installed.description, limit: 100))\"" : ""
        return what.isEmpty ? "the configuration \(printable(installed.configuration, limit: 200))" : what
    }
}
