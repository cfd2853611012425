"""First names of many languages; a film draws its own, so that only the film tells who is who."""

from __future__ import annotations

from movieqa.errors import ConfigError

from .dice import Dice, is_reserved
from .splits import Split

_WOMEN = """
Abebi Abena Adaeze Adelina Adwoa Agnieszka Aiko Ailbhe Aino Akemi Akosua Alazne Alba Aleksandra Alinta Altynai Amaia
Amara Amina Amparo Anahit Anara Aneta Anneli Antje Aoife Arantxa Ariadna Arusha Aruzhan Asel Astrid Asuka Atiena
Audra Aune Ayaan Aylin Aysel Ayumi Azra Bahar Baiba Bao Basia Beatriz Behati Berit Bhavna Bianca Birgit Birna Blanka
Bodil Bojana Brigita Bronagh Brunhild Busisiwe Camila Caoimhe Carys Catalina Chiara Chidera Chihiro Chioma Ciara
Concetta Corina Dagmar Dagny Daina Dalia Damla Danica Daria Deepa Delphine Desta Dilnoza Dinara Ditte Dorota Dragana
Drita Dunja Ebele Ebru Edda Efua Eilidh Eira Elif Elina Elke Elpida Emese Emine Enikő Erzsi Esi Etsuko Eulalia Ewa
Fadwa Farida Farzana Fatou Femke Fidan Filippa Fiorella Florentyna Freya Frida Fumiko Gabija Galina Ganna Genet
Gerda Ghislaine Gintare Giulia Gloria Gordana Grazyna Greta Gudrun Guiomar Gulnara Gunvor Gyda Habiba Hadia Hana
Haneul Hanife Hanneke Harriet Haruka Hedda Hege Helle Heloise Henrike Hermine Hilde Hina Hiroko Hoang Hoda Hyejin
Ifeoma Ilinca Ilse Ilze Imke Ines Inese Ingeborg Ingrid Inka Iolanda Irma Isaura Isolde Itziar Ivana Ivett Iwona
Izumi Jacinta Jadwiga Jamila Jana Jelena Jiayi Jitka Johanne Jolanta Jorunn Judit Jyoti Kadri Kaisa Kalina Kamala
Kanako Karima Kasia Katalin Katinka Kavita Kerstin Keziah Khadija Kirsten Klara Kleio Kornelia Kristiina Kseniya
Kunigunda Laila Lakshmi Larisa Latika Laura Laverna Leelo Leilani Lenka Leocadia Lesedi Leyla Liesbeth Ligia Lina
Linh Liv Ljiljana Loredana Lorenza Lotte Lucinda Ludmila Luiza Lumi Maarja Madhavi Magda Maike Mairead Maite Makena
Malgorzata Malika Manuela Marcelina Maren Margit Mariam Marit Martyna Masako Mayumi Mehwish Melike Mercedes Merete
Meseret Mette Mieke Mihaela Milica Mina Minh Mirela Mirjam Monika Morag Mwajuma Nadezhda Nadira Naledi Nanami
Nandini Naoko Nasrin Natsuki Nayeli Neda Neema Nele Nerea Ngozi Nhung Nicoletta Niloufar Nimmi Nina Nirmala
Nokuthula Nomvula Noor Noora Nuria Nyambura Odalys Odile Oihana Oksana Olga Olivija Oona Orla Ornella Orsolya Outi
Padma Paloma Parisa Parvati Paulina Pelagia Petra Philippa Pilar Piroska Polina Preeti Priya Radka Radmila Ragnhild
Rahel Raisa Ramona Ranveig Raquel Rasa Reiko Renata Riikka Rita Rocio Roksana Ronja Rosalind Roza Ruta Ruxandra
Sabina Sachiko Sadia Saga Salome Samira Sanna Saoirse Sara Sarita Satu Savita Sefora Selma Seolhee Shabnam Shirin
Shota Sidsel Sigrid Silke Simona Sinead Siobhan Sirpa Snezana Solveig Sonja Stanislava Stefania Sumi Sunniva
Svetlana Sylwia Szilvia Tamar Tanvi Tarja Tatiana Teodora Terhi Thandiwe Thora Thuy Tigist Tiina Tindra Tomoko
Torunn Tove Tsubaki Tuuli Tzipora Ulrike Umay Ursula Usha Valentina Vanda Vasiliki Veronika Vesna Vibeke Vidya
Viorica Virve Wanjiru Wenche Wiebke Wilhelmina Xenia Ximena Yael Yasemin Yetunde Yevgenia Yildiz Yoko Yolanda Yui
Yuki Zahra Zainab Zaneta Zdenka Zeynep Zilvinas Zofia Zoran Zsofia Zuzana
"""

_MEN = """
Aarav Abdou Abebe Adrijan Agustin Ahmet Aidan Ailill Akio Akira Aksel Alasdair Albin Aldo Alejandro Alessio Alfonso
Alojz Amadou Amir Anatole Anders Andrzej Angus Anselm Anton Antti Aodh Aram Arben Ardal Aritz Arjun Armando Arnau
Arne Arvid Asger Asier Askar Aslan Athanasios Atte Attila Aurelio Axel Ayodele Bakyt Balazs Baltasar Baptiste
Barnaby Bartosz Bashir Batu Bela Benat Beniamino Berkan Bertil Bilal Birger Bjarne Bogdan Boguslaw Bolat Borislav
Branko Bruno Burak Caspar Cedric Cezary Chidi Chinedu Christos Cillian Claudio Conall Cormac Cosmin Cyprian Daichi
Daisuke Dakarai Damir Danilo Dariusz Davit Dejan Delroy Demba Deniz Desmond Detlef Dhruv Diarmuid Didier Dieter
Dimitar Dinesh Dirk Domenico Donato Dorin Dragos Drazen Dumisani Eamon Ebbe Edgars Eduardo Efrain Egil Eino Ejike
Elias Emeka Emil Endre Eneko Enrique Erdem Erlend Erling Ernesto Esben Esteban Etienne Eugenio Evaristo Ezio Fabrice
Faisal Farhad Faruk Federico Felipe Ferenc Fergus Fernando Finlay Florin Folke Fredrik Fritjof Fumio Gabor Gaspar
Gebre Genaro Georgi Gerard Gergely Ghassan Gianni Giorgos Giovanni Goran Gorka Grzegorz Guido Guillem Gunnar Gustavo
Gyorgy Habib Hakan Hakon Halvard Hamid Hamza Haruto Hasan Hashim Havel Heikki Hektor Hendrik Henrique Hideo Hinrik
Hiroshi Hisham Horatio Hristo Hugo Hyunwoo Iain Ibrahim Idris Ignacio Igor Ikaika Ilir Ilya Imre Inaki Ioannis Isamu
Iskander Istvan Ivar Ivo Jaakko Jacek Jakub Jalal Janko Jarle Jaroslav Javier Jens Jeroen Jerzy Jiri Joakim Joaquin
Jonas Joonas Joris Josip Jovan Juhani Junichi Jurgen Kacper Kaito Kamal Kamran Karel Karim Kasimir Kasper Kazuo
Keiji Kemal Kenji Kerem Khalid Khosrow Kieran Kimani Kjell Klaus Knut Kofi Kojo Konstantin Kornel Krzysztof Kwabena
Kwame Kyros Ladislav Lamine Lars Laszlo Lauri Leandro Lech Leif Leonardo Lorcan Lorenzo Lothar Luca Ludvig Luis
Lukasz Lutz Mads Mahmoud Mainak Makoto Malcolm Malik Mamadou Manfred Manolis Marcin Marek Marius Markku Marko Masoud
Matej Mateo Matthias Maurits Maxim Mehmet Mendel Miguel Mihai Mikkel Milan Milos Mircea Miroslav Modou Mohan Moritz
Morten Murat Mustafa Naoki Nasser Nenad Niall Nicolae Niels Nikolaj Nikos Nils Nnamdi Nobu Nuno Obinna Ola Olaf Oleg
Oluf Omar Onni Orhan Oscar Oskar Osman Otakar Ottavio Otto Ousmane Owain Pablo Padraig Panagiotis Paolo Pascal
Patrizio Pavel Pedro Pekka Peregrin Petar Petros Pierre Piotr Pradeep Primoz Przemek Quentin Radovan Rafael Raimo
Rajiv Ramon Ranjit Rashid Raul Ravi Reidar Reijo Reinhard Renzo Ricardo Rikard Roald Roberto Rodrigo Rohan Roman
Ronan Ruben Rudolf Rufus Ruslan Ryo Sakari Salvador Samuli Sander Sanjay Santiago Sebastiao Selim Semyon Sergio
Seydou Shakir Shigeru Shinji Sibusiso Silvio Simo Sindre Slavko Soren Stanko Stefanos Stellan Stipe Sulayman Sven
Svend Szymon Taavi Tadashi Tadeusz Takeshi Tamas Tariq Tarmo Tatsuya Tebogo Teemu Temur Tendai Tengiz Tero Thabo
Thierry Thorbjorn Tibor Timur Tito Tobias Toivo Tomasz Tomislav Tor Torsten Toshiro Tudor Tuomas Ulf Ulrich Umberto
Unai Urho Urs Vaclav Valdemar Valerio Vasco Vasil Veikko Velimir Vidar Vikram Viktor Viljo Vincenzo Vitor Vlad
Vojtech Wagner Waldemar Walid Wiktor Willem Wim Wojciech Xabier Xavier Yannick Yaroslav Yasin Yavuz Yohannes Yosef
Youssef Yuji Yukio Yusuf Zacarias Zbigniew Zdenek Zeki Zeljko Zoltan Zsolt
"""


def names_for(split: Split, *, women: bool) -> list[str]:
    """Return the names a split may use; the lists of train and test share no name."""
    names = sorted(set((_WOMEN if women else _MEN).split()))
    if split == "all":
        return names
    return [name for name in names if is_reserved("name", name) == (split == "test")]


def draw_names(dice: Dice, split: Split, *, is_woman: list[bool]) -> list[str]:
    """Draw a name for every person, different ones, with different beginnings as long as there are any.

    Raises:
        ConfigError: There are more people than names.
    """
    pools = {women: dice.fork("names", women).shuffled(names_for(split, women=women)) for women in (True, False)}
    result: list[str] = []
    for women in is_woman:
        pool = pools[women]
        if not pool:
            raise ConfigError(f"more people than names: {len(is_woman)}", hint="ask for fewer people")
        beginnings = {name[:2] for name in result}, {name[0] for name in result}
        best = min(pool, key=lambda name: (name[:2] in beginnings[0]) * 2 + (name[0] in beginnings[1]))
        pool.remove(best)
        result.append(best)
    return result
