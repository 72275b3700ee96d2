"""The programs that go into a bundle as they are. They stand alone and import nothing of EffQ.

They must run where a bundle is unpacked, so they are written for Python 3.9 and later.
"""
