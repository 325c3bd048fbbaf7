import Glibc
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Units

@Suite struct UnitRendererTests {
    /// The rendered examples are committed, so that a change of them is seen in review. HERMES_OPS_UPDATE_GOLDEN=1 writes them anew.
    @Test(arguments: ["system", "user"]) func examplesInTheRepositoryAreCurrent(_ flavour: String) throws {
        let settings = flavour == "system" ? ExampleSettings.vijay : ExampleSettings.bheem
        let rendered = try UnitRenderer.render(settings)
        let folder = Self.repository.appending("units").appending(flavour)
        var expected: [String: String] = [:]
        for file in rendered.files + rendered.rootFiles {
            let prefix = file.kind == .unit ? "" : "\(file.kind.rawValue).d/"
            expected[prefix + file.name] = file.contents
        }
        if getenv("HERMES_OPS_UPDATE_GOLDEN") != nil {
            try FileSystem.removeTree(folder)
            for (name, contents) in expected {
                let path = folder.pushing(FilePath(name))
                try FileSystem.makeDirectory(path.removingLastComponent(), permissions: 0o755)
                try FileSystem.replace(path, with: Array(contents.utf8), permissions: 0o644)
            }
        }
        var found: [String: String] = [:]
        try DirectoryWalk(folder).run(
            visiting: { entry in
                if entry.status.kind == .file {
                    let path = folder.pushing(FilePath(bytes: entry.path))
                    found[String(decoding: entry.path, as: UTF8.self)] =
                        String(decoding: try FileSystem.read(path, limit: 1 << 20), as: UTF8.self)
                }
                return .descend
            }, failing: { _, error in throw error })
        #expect(found == expected)
    }

    @Test func aJobGetsOnlyWhatItDeclares() throws {
        let rendered = try UnitRenderer.render(ExampleSettings.bheem)
        func dropIn(_ job: String) throws -> String {
            try #require(rendered.files.first { $0.name == "hermes-ops@\(job).service.d/50-hermes-ops.conf" }).contents
        }
        #expect(!(try dropIn("tidy")).contains("AF_INET"))
        #expect(!(try dropIn("tidy")).contains("LoadCredential"))
        #expect(!(try dropIn("snapshot")).contains("AF_INET"))
        #expect((try dropIn("snapshot")).contains("AF_NETLINK"))
        #expect((try dropIn("backup")).contains("AF_INET6"))
        #expect((try dropIn("backup")).contains("BindPaths=-/home/uma/repos/hermes_vm\n"))
        #expect((try dropIn("backup")).contains("TimeoutStartSec=31min\n"))
        #expect(!(try dropIn("backup")).contains("RestrictNamespaces"))
        #expect(rendered.scheduledJobs == ["backup", "restore-drill", "snapshot"])
        #expect(!rendered.files.contains { $0.name == "hermes-ops-tidy.timer" })
        #expect(rendered.requiredDirectories == ["/home/uma/.local/state/hermes-ops", "/home/uma/repos/hermes_vm"])
    }

    @Test func theConfigurationsFolderIsShownButNeverTheWholeHome() throws {
        var settings = ExampleSettings.bheem
        settings.configuration = "/home/uma/ops.yaml"
        let template = try #require(try UnitRenderer.render(settings).files.first { $0.name == "hermes-ops@.service" })
            .contents
        #expect(template.contains("BindReadOnlyPaths=-/home/uma/ops.yaml\n"))
        #expect(!template.contains("BindReadOnlyPaths=-/home/uma\n"))
    }

    @Test func aHomeOutsideTheUsualTreesIsHiddenToo() throws {
        var settings = ExampleSettings.bheem
        settings.userHome = "/srv/people/uma b"
        settings.hermesHome = "/srv/people/uma b/.hermes"
        let template = try #require(try UnitRenderer.render(settings).files.first { $0.name == "hermes-ops@.service" })
            .contents
        #expect(template.contains(#"TemporaryFileSystem=/home:ro /root:ro /run:ro "/srv/people/uma b:ro" /dev/shm"#))
        #expect(template.contains(#"BindReadOnlyPaths="-/srv/people/uma b/.hermes""#))
    }

    /// A home, a repository and a store that lie elsewhere than their paths say: what a symlink leads to is bound where it is hidden.
    @Test func whatLiesBehindSymlinksIsShown() throws {
        // Outside of the trees that are hidden from jobs, as no temporary folder is.
        let outside = FilePath("/dev/shm").appending("hermes-ops-test-\(hex(randomBytes(8)))")
        defer { try? FileSystem.removeTree(outside) }
        try FileSystem.makeDirectory(outside)
        let hidden = try TemporaryDirectory()
        func link(_ name: String, _ target: FilePath, in folder: FilePath) {
            let path = folder.appending(name)
            #expect(target.withPlatformString { target in path.withPlatformString { symlink(target, $0) } } == 0)
        }
        try hidden.write("real/SOUL.md", "I")
        try hidden.write("repository/a", "x")
        link("home", hidden.path.appending("real"), in: outside)
        link("here", ".", in: outside)
        link("disk", hidden.path, in: outside)
        // From the outside through the hidden tree to the outside again.
        link("around", hidden.path.appending("back"), in: outside)
        link("back", outside, in: hidden.path)
        var settings = ExampleSettings.bheem
        settings.hermesHome = outside.pushing("here/home")
        settings.jobs = [
            JobUnit(
                name: "a", writablePaths: [outside.pushing("disk/repository"), outside.appending("plain")],
                readOnlyPaths: [outside.appending("around"), outside.appending("plain")])
        ]
        let files = try UnitRenderer.render(settings).files
        let template = try #require(files.first { $0.name == "hermes-ops@.service" }).contents
        #expect(template.contains("BindReadOnlyPaths=-\(hidden.path)/real\n"))
        let dropIn = try #require(files.first { $0.name.hasPrefix("hermes-ops@a.service.d") }).contents
        #expect(dropIn.contains("BindPaths=-\(hidden.path)/repository\n"))
        #expect(dropIn.contains("ReadWritePaths=-\(outside)/plain\n"))
        #expect(dropIn.contains("BindReadOnlyPaths=-\(hidden.path)/back\n"))
        #expect(!dropIn.contains("BindReadOnlyPaths=-\(outside)"))
    }

    @Test func pathsAreQuotedAndSpecifiersDoubled() throws {
        #expect(try UnitSyntax.word("/a/b c%d", prefix: "-") == #""-/a/b c%%d""#)
        // A colon parts source and target.
        #expect(try UnitSyntax.word("/a:b", prefix: "-") == #""-/a:b""#)
        #expect(throws: OperatorError.self) { try UnitSyntax.emptied("/a:b") }
        #expect(try UnitSyntax.word(#"/a"b\c"#) == #""/a\"b\\c""#)
        #expect(try UnitSyntax.argument("/opt/$HOME/%h" as FilePath) == #""/opt/$$HOME/%%h""#)
        #expect(UnitSyntax.value("HOME=/srv/a $b%") == #""HOME=/srv/a $b%%""#)
        #expect(try UnitSyntax.bare("/a b/%n") == "/a b/%%n")
        #expect(UnitSyntax.span(.seconds(5461)) == "1h 31min 1s")
        #expect(UnitSyntax.span(.microseconds(1500)) == "1ms 500us")
        #expect(UnitSyntax.span(.zero) == "0")
    }

    /// systemd reads bytes: for it a quote is one, whatever accent comes after it, or whatever joins what follows.
    @Test(arguments: ["\u{301}", "\u{200D}", "\u{600}", "\u{FE0F}"]) func accentsHideNoMarks(_ mark: String) throws {
        #expect(
            Array(try UnitSyntax.word(FilePath("/a\"\(mark)\\\(mark)%\(mark)$\(mark)x /etc")).utf8)
                == Array("\"/a\\\"\(mark)\\\\\(mark)%%\(mark)$\(mark)x /etc\"".utf8))
        #expect(Array(UnitSyntax.argument("$\(mark)").utf8) == Array("\"$$\(mark)\"".utf8))
        #expect(throws: OperatorError.self) { try UnitSyntax.emptied(FilePath("/a:\(mark)b")) }
        #expect(Array(try UnitSyntax.emptied(FilePath("/a \(mark)")).utf8) == Array("\"/a \(mark):ro\"".utf8))
        #expect(throws: OperatorError.self) { try UnitSyntax.bare(FilePath("/a\(mark)\\")) }
        #expect(Array(try UnitSyntax.bare(FilePath("/%\(mark)n")).utf8) == Array("/%%\(mark)n".utf8))
    }

    @Test(arguments: [[0x2F, 0xFF], [0x2F, 0x61, 0x0A, 0x62], [0x61], Array("/a/../b".utf8)] as [[UInt8]])
    func pathsThatCannotStandInAUnitAreRefused(_ bytes: [UInt8]) {
        var settings = ExampleSettings.vijay
        settings.stateDirectory = FilePath(bytes: bytes)
        let error = #expect(throws: OperatorError.self) { try UnitRenderer.render(settings) }
        #expect(error?.exit == .configuration)
    }

    @Test(arguments: ["", "a b", "../x", "a/b", "a\nb", "-a", "a%n", "Ümlaut"]) func namesThatAreNoUnitNamesAreRefused(
        _ name: String
    ) {
        var settings = ExampleSettings.vijay
        settings.jobs = [JobUnit(name: name)]
        #expect(throws: OperatorError.self) { try UnitRenderer.render(settings) }
        settings.jobs = []
        settings.exports = [ExportDirectory(instanceID: "x", userName: name)]
        #expect(throws: OperatorError.self) { try UnitRenderer.render(settings) }
    }

    @Test func aScheduleCannotBringLinesOfItsOwn() {
        var settings = ExampleSettings.vijay
        settings.jobs = [JobUnit(name: "a", schedule: "daily\nUnit=evil.service")]
        #expect(throws: OperatorError.self) { try UnitRenderer.render(settings) }
    }

    @Test func aUserUnitCannotHaveAnEncryptedCredential() {
        var settings = ExampleSettings.bheem
        settings.jobs = [JobUnit(name: "a", credentials: [UnitCredential(name: "k", source: "/k", isEncrypted: true)])]
        let error = #expect(throws: OperatorError.self) { try UnitRenderer.render(settings) }
        #expect(error?.description.contains("257") == true)
    }

    static let repository = FilePath(#filePath).removingLastComponent().removingLastComponent().removingLastComponent()
}
