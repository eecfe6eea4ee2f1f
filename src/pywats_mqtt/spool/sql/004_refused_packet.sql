-- Packet identifiers of QoS 1 under which a refused message came last, as the broker may send it again; see redelivery.py.
CREATE TABLE refused_packet (
  id     INTEGER PRIMARY KEY,  -- 0: digest is the number of the first batch of the broker's session
  digest INTEGER NOT NULL
);
