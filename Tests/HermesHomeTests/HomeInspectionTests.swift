import Glibc
import HermesHome
import Support
import SystemPackage
import TestSupport
import Testing

@Suite struct HomeInspectionTests {
    @Test func theThreeAnswersDiffer() throws {
        let folder = try TemporaryDirectory()
        #expect(HomeInspection(folder.path.appending("nothing")) == .missing)
        #expect(HomeInspection(folder.path) == .empty)
        try folder.write("README.md", "hello")
        try folder.write("src/main.py", "print()")
        guard case .notAHome(let found) = HomeInspection(folder.path) else {
            Issue.record("a project folder passed for a home")
            return
        }
        #expect(found.contains("README.md"))
        let types = [folder.path.appending("nothing"), folder.path].map { HomeInspection($0).problem(at: $0)?.type }
        #expect(types == ["home-missing", "not-a-home"])
        #expect(throws: OperatorError.self) { try HomeInspection.require(folder.path) }
    }

    @Test(arguments: [
        ["state.db"], ["SOUL.md"], ["memories/MEMORY.md"], ["cron/jobs.json"], ["skills/tidy/SKILL.md"],
        ["skills/house/tidy/SKILL.md"], [".env", "config.yaml"], ["skills/.bundled_manifest"],
    ])
    func oneOfHermesOwnFilesIsEnough(_ names: [String]) throws {
        let folder = try TemporaryDirectory()
        for name in names { try folder.write(name, "x") }
        #expect(HomeInspection(folder.path).isHome)
        #expect(HomeInspection(folder.path).problem(at: folder.path) == nil)
    }

    @Test(arguments: [("model:\n  default: x\n", true), ("[broken\nproviders:\n", true), ("port: 80\n", false)])
    func aConfigCountsByWhatItSays(_ text: String, _ isHome: Bool) throws {
        let folder = try TemporaryDirectory()
        try folder.write("config.yaml", text)
        #expect(HomeInspection(folder.path).isHome == isHome)
    }

    @Test func whatIsNotAFolderIsSaid() throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write("file", "x")
        #expect(HomeInspection(file) == .notAHome(found: "a file stands there"))
        #expect(HomeInspection(file.appending("below")) == .missing)
        let fifo = folder.path.appending("fifo")
        #expect(fifo.withPlatformString { mkfifo($0, 0o600) } == 0)
        #expect(HomeInspection(fifo) == .notAHome(found: "a fifo stands there"))
        let link = folder.path.appending("link")
        #expect(link.withPlatformString { symlink("/nonexistent/anywhere", $0) } == 0)
        #expect(HomeInspection(link) == .missing)
    }

    @Test func aHomeMayBeASymlinkAndHaveAnyName() throws {
        let folder = try TemporaryDirectory()
        let home = folder.path.appending(FilePath(bytes: [0x68, 0xFF, 0x0A]).lastComponent!)
        try FileSystem.makeDirectory(home)
        try FileSystem.replace(home.appending("SOUL.md"), with: Array("I".utf8))
        let link = folder.path.appending("link")
        #expect(home.withPlatformString { target in link.withPlatformString { symlink(target, $0) } } == 0)
        #expect(HomeInspection(home).isHome)
        #expect(HomeInspection(link).isHome)
    }

    @Test func theRootOfAHome() {
        func root(_ path: FilePath) -> FilePath { HomeLayout(path).root(userHome: "/home/uma") }
        #expect(root("/home/uma/.hermes") == "/home/uma/.hermes")
        #expect(root("/home/uma/.hermes/profiles/coder") == "/home/uma/.hermes")
        #expect(root("/home/uma/.hermes/drill") == "/home/uma/.hermes")
        #expect(root("/srv/agents/profiles/coder") == "/srv/agents")
        #expect(root("/srv/agents") == "/srv/agents")
        #expect(root("/home/uma/.hermes-drill") == "/home/uma/.hermes-drill")
    }

    @Test func profilesAreFoldersWithAProperName() throws {
        let folder = try TemporaryDirectory()
        for name in ["coder", "b-2", "default", "Bad", ".hidden"] {
            try folder.write("profiles/\(name)/profile.yaml", "x")
        }
        try folder.write("profiles/file", "x")
        #expect(try HomeLayout(folder.path).profileNames() == ["b-2", "coder"])
        #expect(try HomeLayout("/nonexistent").profileNames() == [])
    }
}
