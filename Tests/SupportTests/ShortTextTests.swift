import Support
import SystemPackage
import TestSupport
import Testing

@Suite("Texts for short lines")
struct ShortTextTests {
    @Test("What is escaped already is not escaped again, and what is unsafe still is")
    func onceOnly() {
        let name = printable("a\u{200C}\\b\n")
        #expect(name == "a\\u{200c}\\\\b\\n")
        #expect(printableLine(name) == name)
        #expect(printableLine("x\u{1B}[m") == "x\\u{1b}[m")
        #expect(CredentialScrubber.safeText(CredentialScrubber.safeText(name)) == name)
    }

    @Test("The reason shows behind a path of any length")
    func reasonFirst() {
        let path = "/" + String(repeating: "d/", count: 2000) + "file"
        let error = OperatorError("x", doing: "reading", subject: path, reason: "no such thing", exit: .failure)
        #expect(CredentialScrubber.safeText(error.summary).hasSuffix("/file: no such thing"))
        #expect(error.description.count < 1100 && error.description.hasSuffix(": no such thing"))
        #expect(shortened("abcdefghij", to: 10) == "abcdefghij")
        #expect(shortened("abcdefghijk", to: 10) == "abc…fghijk")
    }

    @Test("A folder that cannot be made says what stands there, with exit 73")
    func folders() throws {
        let folder = try TemporaryDirectory()
        try folder.write("file", "x")
        let link = folder.path.appending("link")
        try ConfinedDirectory(folder.path).makeSymlink(Array("link".utf8), to: Array("nowhere".utf8))
        for (path, reason) in [(folder.path.appending("file"), "a file stands"), (link, "leads nowhere")] {
            let error = #expect(throws: OperatorError.self) { try FileSystem.makeDirectory(path) }
            #expect(error?.exit == .cannotWrite && error?.reason.contains(reason) == true)
        }
        let below = #expect(throws: OperatorError.self) {
            try FileSystem.makeDirectory(folder.path.appending("file/state"))
        }
        #expect(below?.exit == .cannotWrite)
    }

    @Test("A path is resolved as far as it exists")
    func resolved() throws {
        let folder = try TemporaryDirectory()
        let real = folder.path.resolvingLinks
        try FileSystem.makeDirectory(folder.path.appending("home"))
        try ConfinedDirectory(folder.path).makeSymlink(Array("alias".utf8), to: Array("home".utf8))
        #expect(folder.path.appending("alias/new/er").resolvingLinks == real.appending("home/new/er"))
    }
}
