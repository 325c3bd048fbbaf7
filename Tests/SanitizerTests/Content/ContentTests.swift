import Foundation
import Support
import SystemPackage
import TestSupport
import Testing

@testable import Sanitizer

struct ContentTests {
    private let key = Secret([UInt8](repeating: 3, count: 32))
    private let secret = "Zq9-planted-" + "Value77"

    private func inspector() throws -> Inspector {
        Inspector(detector: try Detector.standard(), known: try KnownValues([Array(secret.utf8)], key: key), key: key)
    }

    private func inspect(_ bytes: [UInt8], _ name: String = "skills/x") throws -> Inspector.Finding {
        try inspector().inspect(bytes, name: Array(name.utf8))
    }

    /// Runs Python with bytes on its standard input; what it writes.
    private func python(_ script: String, _ input: [UInt8]) throws -> [UInt8] {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = [
            "python3", "-c",
            "import sys,io,gzip,zipfile,tarfile\nd=sys.stdin.buffer.read()\nout=sys.stdout.buffer\n" + script,
        ]
        let (stdin, stdout) = (Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        try process.run()
        try stdin.fileHandleForWriting.write(contentsOf: Data(input))
        try stdin.fileHandleForWriting.close()
        let bytes = Array(stdout.fileHandleForReading.readDataToEndOfFile())
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
        return bytes
    }

    private static let archives = [
        "out.write(gzip.compress(d))", "out.write(gzip.compress(b'first')+gzip.compress(d))",
        "b=io.BytesIO()\nz=zipfile.ZipFile(b,'w',zipfile.ZIP_DEFLATED)\nz.writestr('a/b.txt',d)\nz.close()\nout.write(b.getvalue())",
        "b=io.BytesIO()\nz=zipfile.ZipFile(b,'w')\nz.writestr('a.txt',d)\nz.comment=b'remark'\nz.close()\nout.write(b.getvalue())",
        "b=io.BytesIO()\nt=tarfile.open(fileobj=b,mode='w:gz')\ni=tarfile.TarInfo('x')\ni.size=len(d)\nt.addfile(i,io.BytesIO(d))\nt.close()\nout.write(b.getvalue())",
        "b=io.BytesIO()\nt=tarfile.open(fileobj=b,mode='w')\ni=tarfile.TarInfo('x')\ni.size=len(d)\nt.addfile(i,io.BytesIO(d))\nt.close()\nout.write(b.getvalue())",
        "b=io.BytesIO()\nz=zipfile.ZipFile(b,'w')\nz.writestr('in.gz',gzip.compress(d))\nz.close()\nout.write(gzip.compress(b.getvalue()))",
        "b=io.BytesIO()\nz=zipfile.ZipFile(b,'w')\nz.writestr(d.decode(),b'nothing')\nz.close()\nout.write(b.getvalue())",
        "b=io.BytesIO()\nz=zipfile.ZipFile(b,'w')\nz.writestr('a','b')\nz.comment=d\nz.close()\nout.write(b.getvalue())",
        // Archives in a tar file, alone and compressed; a loose object of git's; compressed text in a picture; streams amid other bytes.
        "b=io.BytesIO()\nt=tarfile.open(fileobj=b,mode='w')\nx=gzip.compress(d)\ni=tarfile.TarInfo('x.log.gz')\ni.size=len(x)\nt.addfile(i,io.BytesIO(x))\nt.close()\nout.write(b.getvalue())",
        "b=io.BytesIO()\nt=tarfile.open(fileobj=b,mode='w:gz',format=tarfile.PAX_FORMAT)\nx=gzip.compress(d)\ni=tarfile.TarInfo('x'*150+'.gz')\ni.size=len(x)\nt.addfile(i,io.BytesIO(x))\nt.close()\nout.write(b.getvalue())",
        "q=io.BytesIO()\nz=zipfile.ZipFile(q,'w',zipfile.ZIP_DEFLATED)\nz.writestr('a.txt',d)\nz.close()\nx=q.getvalue()\nb=io.BytesIO()\nt=tarfile.open(fileobj=b,mode='w',format=tarfile.GNU_FORMAT)\ni=tarfile.TarInfo('y'*150)\ni.size=len(x)\nt.addfile(i,io.BytesIO(x))\nt.close()\nout.write(b.getvalue())",
        "import zlib\nout.write(zlib.compress(b'blob %d\\0'%len(d)+d))",
        "import zlib,struct\nc=lambda t,x:struct.pack('>I',len(x))+t+x+struct.pack('>I',zlib.crc32(t+x))\nout.write(b'\\x89PNG\\r\\n\\x1a\\n'+c(b'IHDR',struct.pack('>IIBBBBB',1,1,8,0,0,0,0))+c(b'zTXt',b'Comment\\0\\0'+zlib.compress(d))+c(b'IDAT',zlib.compress(bytes(2)))+c(b'IEND',b''))",
        "import zlib\nz=zlib.compressobj(9,zlib.DEFLATED,9)\nout.write(b'\\0\\1\\2\\x78\\x9c'*50+z.compress(d)+z.flush()+bytes(9))",
        // Something before it: with offsets from the zip file's start, as after `cat a.exe b.zip`, and from the file's.
        "b=io.BytesIO()\nz=zipfile.ZipFile(b,'w',zipfile.ZIP_DEFLATED)\nz.writestr('a.txt',d)\nz.close()\nout.write(b'MZ'+bytes(500)+b.getvalue())",
        "b=io.BytesIO()\nb.write(b'#!/usr/bin/env python3\\n')\nz=zipfile.ZipFile(b,'a',zipfile.ZIP_DEFLATED)\nz.writestr('__main__.py',d)\nz.close()\nout.write(b.getvalue())",
    ]

    @Test("UTF-16 that is not all well formed, or amid other bytes, is searched all the same")
    func brokenWideText() throws {
        for isBigEndian in [false, true] {
            func wide(_ text: String) -> [UInt8] {
                text.utf16.flatMap { unit -> [UInt8] in
                    let bytes = [UInt8(truncatingIfNeeded: unit), UInt8(truncatingIfNeeded: unit >> 8)]
                    return isBigEndian ? bytes.reversed() : bytes
                }
            }
            let text = wide("a line\r\nkey = \(secret)\r\nanother line of text\r\n")
            let mark = wide("\u{FEFF}")
            let low = isBigEndian ? [UInt8](arrayLiteral: 0xDC, 0x12) : [0x12, 0xDC]
            for bytes in [
                mark + text + [0x0A], mark + text.dropLast(), mark + text + low, mark + wide("x") + [0, 0] + text,
                text + low, [0x4C, 0, 0, 0, 1] + text + [0xFF, 0xFF, 0x80], [0x4C, 0, 0, 0] + text + [0xFF, 0x80],
            ] {
                guard case .refused(_, let hits) = try inspect(bytes) else {
                    Issue.record("not seen in \(bytes)")
                    continue
                }
                #expect(!hits.isEmpty)
            }
        }
    }

    @Test("Compressed content in base64 that holds a secret goes as a whole; without one it stays")
    func packedText() throws {
        let filler = (0..<400).map { "line \($0 &* 7919 % 1009) of a script\n" }.joined()
        for script in [ContentTests.archives[0], ContentTests.archives[4]] {
            for hidden in [secret, "api_key = ghp_" + SanitizerTests.secret(61, 36)] {
                let packed = try Data(python(script, Array("\(filler)use \(hidden) here\n\(filler)".utf8)))
                let clean = try Data(python(script, Array("\(filler)\(filler)".utf8)))
                for options in [[], .lineLength76Characters] as [Data.Base64EncodingOptions] {
                    func text(_ data: Data) -> [UInt8] {
                        let body = data.base64EncodedString(options: options.union(.endLineWithLineFeed))
                        return Array("#!/bin/sh\nbase64 -d <<EOF | tar xz\n\(body)\nEOF\necho done\n".utf8)
                    }
                    guard case .hits(let hits, _) = try inspect(text(packed)) else {
                        Issue.record("not seen")
                        continue
                    }
                    let out = String(decoding: Redactor.replace(text(packed), hits, asciiOnly: false), as: UTF8.self)
                    #expect(!out.contains("H4sI") && out.hasSuffix("\nEOF\necho done\n"), "\(out)")
                    if case .clean = try inspect(text(clean)) {} else { Issue.record("a clean archive was touched") }
                }
            }
        }
    }

    @Test("A secret within an archive refuses it; the same archive without one is kept", arguments: archives.indices)
    func refusesArchive(_ index: Int) throws {
        let script = ContentTests.archives[index]
        guard case .refused(let reason, let hits) = try inspect(python(script, Array(secret.utf8))) else {
            Issue.record("the secret was not seen")
            return
        }
        #expect(reason.contains("a secret") && !hits.isEmpty)
        guard case .clean = try inspect(python(script, Array("nothing-here-at-all".utf8))) else {
            Issue.record("a clean archive was refused")
            return
        }
    }

    @Test(
        "Archives that cannot be looked into are refused",
        arguments: [
            ("out.write(gzip.compress(bytes(64<<20)))", "beyond all measure"),
            ("out.write(gzip.compress(d)[:-9])", "damaged"),
            ("out.write(gzip.compress(d)+b'trailing')", "damaged"),
            (
                "b=io.BytesIO()\nz=zipfile.ZipFile(b,'w',zipfile.ZIP_DEFLATED)\nz.writestr('a',bytes(64<<20))\nz.close()\nout.write(b.getvalue())",
                "beyond all measure"
            ),
            (
                "b=io.BytesIO()\nz=zipfile.ZipFile(b,'w',zipfile.ZIP_BZIP2)\nz.writestr('a',d)\nz.close()\nout.write(b.getvalue())",
                "cannot be looked into"
            ),
            (
                "b=io.BytesIO()\nz=zipfile.ZipFile(b,'w')\nz.writestr('a',d)\nz.close()\nv=bytearray(b.getvalue())\ni=v.find(b'PK\\x01\\x02')\nv[i+8]|=1\nout.write(v)",
                "encrypted"
            ),
            ("x=d\nfor _ in range(6): x=gzip.compress(x)\nout.write(x)", "nested too deeply"),
            ("import lzma\nout.write(lzma.compress(d))", "xz"),
            ("import lzma\nout.write(lzma.compress(d,format=lzma.FORMAT_ALONE))", "lzma"),
            (
                "import zlib\nout.write(b'# v2 git bundle\\n'+b'0'*40+b' HEAD\\n\\nPACK\\0\\0\\0\\2'+zlib.compress(d))",
                "git bundle"
            ),
            ("import zlib\nout.write(b'PACK\\0\\0\\0\\2\\0\\0\\0\\1'+zlib.compress(d))", "git pack"),
            ("out.write(b'\\0%PDF-1.7\\n'+bytes(20)+d)", "pdf"),
            (
                "b=io.BytesIO()\nt=tarfile.open(fileobj=b,mode='w')\ni=tarfile.TarInfo('x')\ni.size=len(d)\nt.addfile(i,io.BytesIO(d))\nt.close()\nout.write(b.getvalue()[:515])",
                "damaged"
            ),
            ("out.write(b'PK\\x03\\x04'+d)", "damaged"),
        ])
    func unreadableArchives(_ script: String, _ expected: String) throws {
        guard case .refused(let reason, _) = try inspect(python(script, Array("harmless".utf8))) else {
            Issue.record("not refused")
            return
        }
        #expect(reason.contains(expected), "\(reason)")
    }

    @Test(
        "Damaged zip and gzip bytes never crash, and never pass for clean when stock tools still find the secret in them"
    )
    func fuzzArchives() throws {
        var random = SplitMix64(seed: 9)
        var passed: [[UInt8]] = []
        for script in [ContentTests.archives[0], ContentTests.archives[2], ContentTests.archives[6]] {
            let bytes = try python(script, Array(secret.utf8))
            for _ in 0..<150 {
                var broken = bytes
                for _ in 0..<Int.random(in: 1...4, using: &random) {
                    broken[Int.random(in: 4..<broken.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
                if Int.random(in: 0..<4, using: &random) == 0 {
                    broken.removeLast(Int.random(in: 1..<broken.count / 2, using: &random))
                }
                if case .clean = try inspect(broken) { passed.append(broken) }
            }
        }
        let frames = passed.flatMap { withUnsafeBytes(of: UInt32($0.count).bigEndian, Array.init) + $0 }
        let found = try python(
            """
            def inner(b, depth=0):
                yield b
                if depth > 3: return
                try:
                    yield from inner(gzip.decompress(b), depth + 1)
                except Exception: pass
                try:
                    z = zipfile.ZipFile(io.BytesIO(b))
                    for n in z.namelist(): yield from inner(z.read(n), depth + 1)
                except Exception: pass
            at, number = 0, 0
            while at < len(d):
                size = int.from_bytes(d[at:at + 4], 'big')
                if any(b'\(secret)' in b for b in inner(d[at + 4:at + 4 + size])): out.write(b'%d ' % number)
                at, number = at + 4 + size, number + 1
            """, frames)
        #expect(String(decoding: found, as: UTF8.self) == "")
    }

    /// An ASN.1 element.
    private static func element(_ tag: UInt8, _ content: [UInt8]) -> [UInt8] {
        let count = content.count
        let length: [UInt8] = count < 128 ? [UInt8(count)] : [0x82, UInt8(count >> 8), UInt8(count & 0xFF)]
        return [tag] + length + content
    }

    private static func sequence(_ parts: [UInt8]...) -> [UInt8] { element(0x30, parts.flatMap(\.self)) }

    private static let number = element(2, [0x00] + [UInt8](repeating: 0xA5, count: 128))
    private static let rsa = sequence(element(6, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 1, 1]), [5, 0])
    private static let noise = (0..<200).map { UInt8(truncatingIfNeeded: $0 * 151 + 7) }

    @Test("Private keys that are no text are refused by their content; public ones and certificates are not")
    func keys() throws {
        func version(_ value: UInt8) -> [UInt8] { Self.element(2, [value]) }
        let data: [UInt8] = [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 7, 1]
        let secretPacket: [UInt8] = [4, 0x60, 0, 0, 0, 1, 8, 0] + Self.noise
        let publicPacket: [UInt8] = [0x99, 0, UInt8(secretPacket.count)] + secretPacket
        let refused: [[UInt8]] = [
            Self.sequence(version(0), Self.number, Self.element(2, [1, 0, 1]), Self.number),
            Self.sequence(version(0), Self.rsa, Self.element(4, Self.noise)),
            Self.sequence(version(1), Self.element(4, [UInt8](repeating: 0xB7, count: 32))),
            Self.sequence(
                Self.sequence(Self.element(6, [0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 1, 5, 13]), Self.sequence()),
                Self.element(4, Self.noise)),
            Self.sequence(version(3), Self.sequence(Self.element(6, data), Self.element(0xA0, Self.noise))),
            [0x30, 0x80] + version(3) + [0x30, 0x80] + Self.element(6, data) + Self.noise,
            [0xFE, 0xED, 0xFE, 0xED, 0, 0, 0, 2] + Self.noise, [0xCE, 0xCE, 0xCE, 0xCE, 0, 0, 0, 2] + Self.noise,
            Array("openssh-key-v1\0".utf8) + Self.noise, Array("(11:private-key(3:rsa(1:n".utf8) + Self.noise,
            [0x95, 0, UInt8(secretPacket.count)] + secretPacket, [0xC5, 192, 16] + secretPacket,
            [0x9D, 0, UInt8(secretPacket.count)] + secretPacket, [0xC7, 0xFF, 0, 0, 0, 208] + secretPacket,
            publicPacket + [0x95, 0, UInt8(secretPacket.count)] + secretPacket,
        ]
        for bytes in refused {
            guard case .refused(let reason, let hits) = try inspect(bytes), hits.first?.rule == "private-key" else {
                Issue.record("kept: \(hex(Array(bytes.prefix(16))))")
                continue
            }
            #expect(reason.contains("key") && hits.count == 1)
        }
        let kept: [[UInt8]] = [
            Self.sequence(Self.rsa, Self.element(3, [0] + Self.noise)),
            Self.sequence(Self.number, Self.element(2, [1, 0, 1])),
            Self.sequence(
                Self.sequence(Self.element(0xA0, version(2)), Self.number), Self.rsa, Self.element(3, Self.noise)),
            Self.sequence(Self.sequence(version(0), Self.sequence(), Self.rsa), Self.rsa, Self.element(3, Self.noise)),
            publicPacket, [0x30, 0x82, 0xFF, 0xFF, 2, 1, 0] + Self.noise,
        ]
        for bytes in kept {
            guard case .clean = try inspect(bytes) else {
                Issue.record("refused: \(hex(Array(bytes.prefix(16))))")
                continue
            }
        }
    }

    @Test("Text that only begins like an archive, or tells of one, is text")
    func archiveWords() throws {
        for text in [
            "LZIP is a format\n", "PAR1 and PAR2\n", "0707010 is a number\n", "a PDF begins with %PDF-1.7\n", "xar!\n",
            "x^2\n",
            "0\u{2}\u{1}\n",
        ] {
            guard case .clean = try inspect(Array(text.utf8)) else {
                Issue.record("refused: \(text)")
                continue
            }
        }
    }

    @Test("UTF-16 with and without a mark is read, and written back as it was")
    func wideText() throws {
        let text = "key: \(secret) ünï 😀\r\nnext line of plain text\r\n"
        for (encoding, bigEndian, mark) in [
            (TextEncoding.utf16LittleEndian, false, true), (.utf16BigEndian, true, true),
            (.utf16LittleEndianWithoutMark, false, false),
            (.utf16BigEndianWithoutMark, true, false),
        ] {
            let body = (mark ? text : "key: \(secret) plain\r\n").utf16
            var bytes: [UInt8] = mark ? (bigEndian ? [0xFE, 0xFF] : [0xFF, 0xFE]) : []
            for unit in body {
                bytes += bigEndian ? [UInt8(unit >> 8), UInt8(unit & 255)] : [UInt8(unit & 255), UInt8(unit >> 8)]
            }
            #expect(TextEncoding.of(bytes) == encoding)
            #expect(encoding.encoded(try #require(encoding.decoded(bytes))) == bytes)
            guard case .hits(let hits, encoding) = try inspect(bytes) else {
                Issue.record("not seen")
                continue
            }
            #expect(hits.count == 1)
        }
        #expect(TextEncoding.of([0xFF, 0xFE, 0x41]) == nil)
        #expect(TextEncoding.of([0xFF, 0xFE, 0x00, 0xD8, 0x41, 0x00]) == nil)
        #expect(TextEncoding.of([0xC3, 0x28, 0x41]) == .bytes)
        #expect(TextEncoding.of([]) == .utf8)
        #expect(TextEncoding.of(Array("\u{1F600}é\u{800}".utf8)) == .utf8)
        for bad: [UInt8] in [
            [0xC0, 0x80], [0xE0, 0x80, 0x80], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xE2, 0x82],
        ] {
            #expect(TextEncoding.of(bad) != .utf8)
        }
    }

    @Test("JSON: values and their places; what is not JSON is not")
    func jsonScanner() throws {
        let text = Array(#"{"a": [1, {"b\n": "x\u00e9\ud83d\ude00\/"}], "c": null} {"d": true}"#.utf8)
        var seen: [String] = []
        try text.withUnsafeBytes { bytes in
            try JSONScanner.run(bytes) { scalar, bytes in
                let value =
                    scalar.kind == .string
                    ? JSONScanner.unescaped(bytes, scalar.range) : String(decoding: bytes[scalar.range], as: UTF8.self)
                seen.append(scalar.path.joined(separator: "|") + "=" + value)
            }
        }
        #expect(seen == ["a|0=1", "a|1|b\n=xé😀/", "c=null", "d=true"])
        for bad in [
            "", "{", "[1,]", "{\"a\" 1}", "\"\\x\"", "\"a\nb\"", "nul", "{\"a\":1,}", "[1 2]", "\"\\u12g4\"",
            String(repeating: "[", count: 100_000),
        ] {
            #expect(!Array(bad.utf8).withUnsafeBytes(JSONScanner.isValid), "\(bad.prefix(20))")
        }
    }

    @Test("JSON scanner agrees with Foundation on mutated documents")
    func jsonFuzz() throws {
        var random = SplitMix64(seed: 21)
        let seed = Array(#"{"k": ["v", 12.5, true, {"n": null, "s": "a\\\"b"}], "z": -1}"#.utf8)
        for _ in 0..<800 {
            var bytes = seed
            for _ in 0..<Int.random(in: 0...2, using: &random) {
                bytes[Int.random(in: 0..<bytes.count, using: &random)] =
                    Array("{}[]\",:\\ 1at".utf8).randomElement(using: &random) ?? 0
            }
            // Foundation is stricter about numbers; what it accepts we accept.
            if (try? JSONSerialization.jsonObject(with: Data(bytes))) != nil {
                #expect(bytes.withUnsafeBytes(JSONScanner.isValid), "\(String(decoding: bytes, as: UTF8.self))")
            }
        }
    }
}
